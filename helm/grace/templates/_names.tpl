{{/* Names, labels and images: the same in every template. Each takes a dict of root and name. */}}

{{- define "grace.name" -}}
{{ printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What a pod is found by: never the version, since selectors cannot change. */}}
{{- define "grace.selector" -}}
app.kubernetes.io/name: grace
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "grace.labels" -}}
{{ include "grace.selector" . }}
app.kubernetes.io/part-of: grace
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "grace.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := printf "%s%s" $image.prefix .name -}}
{{- if $image.registry }}{{ $name = printf "%s/%s" $image.registry $name }}{{ end -}}
{{- with index $image.digests .name -}}
{{ printf "%s@%s" $name . }}
{{- else -}}
{{ printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) }}
{{- end -}}
{{- end }}

{{/* Everything that the service is told, by the name of the setting. */}}
{{- define "grace.settings" -}}
{{- $v := .root.Values -}}
{{- $common := dict
      "nats_url" $v.nats.url
      "postgres_host" $v.postgres.host
      "postgres_port" $v.postgres.port
      "postgres_database" $v.postgres.database
      "ops_host" "0.0.0.0"
      "ops_port" 9090
      "log_level" $v.logLevel
      "stop_grace" (printf "PT%dS" (int $v.stopGraceSeconds)) -}}
{{- $service := index $v.services .name -}}
{{- if and (eq .name "worker") $service.targetsConfigMap -}}
{{- $_ := set $common "targets_file" "/etc/grace/targets/targets.toml" -}}
{{- end -}}
{{- if and (eq .name "verification") $service.sourcesConfigMap -}}
{{- $_ := set $common "sources_file" "/etc/grace/sources/sources.toml" -}}
{{- end -}}
{{- range $key, $value := mergeOverwrite $common (deepCopy $service.settings) }}
GRACE_{{ upper $.name }}_{{ upper $key }}: {{ include "grace.text" $value | quote }}
{{- end }}
{{- end }}

{{/* A value as text: Helm reads 1000000 as 1e+06. */}}
{{- define "grace.text" -}}
{{- if not (kindIs "float64" .) }}{{ . }}{{ else if eq . (floor .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}
