// What the API answers, as far as the console shows it. The whole is in /openapi.json.

export interface Vote {
  principal: string;
  choice: "approve" | "reject";
  at: string;
  reason?: string | null;
  seat?: string | null;
}

export interface Delegation {
  delegated_by: string;
  delegated_to: string;
  ends_at: string;
  reason?: string | null;
}

export interface Approval {
  approval_id: string;
  mission_id: string;
  status: "pending" | "granted" | "rejected" | "expired";
  version: number;
  tier: number;
  quorum: number;
  requested_by: string;
  shown_hash: string;
  playbook: string;
  contracts: string[];
  votes: Vote[];
  requested_at: string;
  expires_at: string;
  decided_at?: string | null;
  joined_by?: string[];
  delegations?: Delegation[];
  escalated_to?: string | null;
  review_id?: string | null;
  note?: string | null;
}

export interface Expectation {
  field: string;
  comparison: string;
  value: number;
}

export interface Contract {
  contract_id: string;
  playbook: string;
  playbook_version: number;
  action: {
    operation: string;
    target: string;
    environment?: string | null;
    params: string;
    tier: number;
    reversible: boolean;
    timeout_ms: number;
    expectations?: Expectation[];
    measurement: { operation: string; target: string };
  };
  baseline?: { field: string; value: number }[];
}

export interface ContractView {
  contract_id: string;
  operation: string;
  target: string;
  status: string;
  confidence: number;
}

export interface Mission {
  mission_id: string;
  kind: string;
  target: string;
  status: string;
  confidence: number;
  requested_by: string;
  opened_at: string;
  closed_at?: string | null;
  playbook?: string | null;
  reason?: string | null;
  reopened_at?: string | null;
  contracts?: ContractView[];
}

export interface TimelineEntry {
  event_id: string;
  at: string;
  service: string;
  subject: string;
  summary: string;
}

export interface KillSwitch {
  is_on: boolean;
  hard: boolean;
  reason: string;
  changed_by: string;
}

export interface Brake {
  is_on: boolean;
  reason: string;
  changed_by: string;
}

export interface SystemHealth {
  status: "up" | "degraded";
  services: Record<string, "up" | "down">;
}

export interface About {
  kind: string;
  id: string;
}

export interface Source {
  route: string;
  ids: string[];
  title?: string | null;
  start_offset?: number | null;
  end_offset?: number | null;
}

export interface ChatAnswer {
  answer: string;
  parts: { topic: string; state: string; text: string; sources: Source[] }[];
  about: About[];
  degraded: boolean;
  reasons: string[];
}
