{{- define "platform.pool" -}}
{{ include "platform.head" (dict "of" .of "version" "kafka.strimzi.io/v1" "kind" "KafkaNodePool" "name" .name "labels" (dict "strimzi.io/cluster" .of.Values.kafka.name)) }}
spec:
  replicas: {{ .replicas }}
  roles: {{ toJson .roles }}
  storage:
    type: jbod
    volumes:
      - id: 0
        type: persistent-claim
        size: {{ .storage.size }}
        {{- with .storage.class }}
        class: {{ . }}
        {{- end }}
        deleteClaim: false
        kraftMetadata: shared
  resources: {{- toYaml .resources | nindent 4 }}
  jvmOptions: {"-Xms": {{ .heap }}, "-Xmx": {{ .heap }}}
  template:
    pod:
      {{- include "platform.pod" .of | nindent 6 }}
        fsGroup: 0 # Strimzi's own for volumes, which it leaves out where anything is said here
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: {matchLabels: {strimzi.io/cluster: {{ $.of.Values.kafka.name }}, strimzi.io/pool-name: {{ $.name }}}}
        {{- end }}
{{- end }}

{{/* Strimzi gives containers what PodSecurity `restricted` wants when its operator is told to; this is the pod's part of it. */}}
{{- define "platform.pod" -}}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Who has a user, by name. */}}
{{- define "platform.kafka.users" -}}
{{- range .Files.Get "generated/users.yaml" | fromYamlArray }}
- {{ .name }}
{{- end }}
{{- end }}

{{- define "platform.kafka.template" -}}
podDisruptionBudget: {maxUnavailable: 1}
{{- end }}

{{- define "platform.small" -}}
resources:
  requests: {cpu: 50m, memory: 256Mi}
  limits: {memory: 384Mi}
{{- end }}
