{{/* What every pod of Grace has in common: the restricted profile, secrets as files, TLS. */}}

{{- define "grace.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
# Lets the first container read what Kubernetes mounts.
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "grace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What the scheduler is told. */}}
{{- define "grace.placement" -}}
# Kubernetes would add GRACE_<SERVICE>_PORT and the like, which are settings here.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Secrets are mounted readable by a group, which Grace refuses: the first container copies them. */}}
{{- define "grace.ownSecrets" -}}
- name: own-secrets
  image: {{ include "grace.image" (dict "root" .root "name" .image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [own, /given, /run/secrets/grace]
  securityContext: {{- include "grace.containerSecurity" . | nindent 4 }}
  resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 64Mi}}
  volumeMounts:
    - {name: given, mountPath: /given, readOnly: true}
    - {name: secrets, mountPath: /run/secrets/grace}
{{- end }}

{{- define "grace.volumes" -}}
- name: given
  projected:
    defaultMode: 0440
    sources:
      {{- range compact .secrets }}
      - secret: {name: {{ . }}}
      {{- end }}
# Never on a disk.
- name: secrets
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- include "grace.tlsVolumes" . }}
{{- end }}

{{- define "grace.mounts" -}}
- {name: secrets, mountPath: /run/secrets/grace, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- include "grace.tlsMounts" . }}
{{- end }}

{{/* libpq's variables are asyncpg's too; SSL_CERT_FILE is what Python checks a tls:// server by. */}}
{{- define "grace.tlsEnv" -}}
- {name: PGSSLMODE, value: {{ .root.Values.postgres.sslMode }}}
{{- if .root.Values.postgres.caSecret }}
- {name: PGSSLROOTCERT, value: /etc/grace/postgres-ca/ca.crt}
{{- end }}
{{- if .root.Values.nats.caSecret }}
- {name: SSL_CERT_FILE, value: /etc/grace/nats-ca/ca.crt}
{{- end }}
{{- end }}

{{- define "grace.tlsMounts" -}}
{{- if .root.Values.postgres.caSecret }}
- {name: postgres-ca, mountPath: /etc/grace/postgres-ca, readOnly: true}
{{- end }}
{{- if .root.Values.nats.caSecret }}
- {name: nats-ca, mountPath: /etc/grace/nats-ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "grace.tlsVolumes" -}}
{{- with .root.Values.postgres.caSecret }}
- name: postgres-ca
  secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- with .root.Values.nats.caSecret }}
- name: nats-ca
  secret: {secretName: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}
