{{/* How many replicas there are, and how many may be away at once. */}}

{{- define "service.disruption" -}}
{{ include "service.head" (dict "of" . "kind" "PodDisruptionBudget" "version" "policy/v1") }}
spec:
  # Not minAvailable: with one replica that would never let a node be drained.
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
{{- end }}

{{- define "service.behavior" -}}
# Up at once: a sale lasts minutes. Down slowly: every change of a consumer group is a pause for it.
scaleUp:
  stabilizationWindowSeconds: 0
  policies: [{type: Percent, value: 100, periodSeconds: 15}, {type: Pods, value: 2, periodSeconds: 15}]
  selectPolicy: Max
scaleDown:
  stabilizationWindowSeconds: {{ .Values.autoscaling.downAfterSeconds }}
  policies: [{type: Pods, value: 1, periodSeconds: 60}]
{{- end }}

{{- define "service.cpu" -}}
{{ include "service.head" (dict "of" . "kind" "HorizontalPodAutoscaler" "version" "autoscaling/v2") }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "service.name" . }}}
  minReplicas: {{ .Values.autoscaling.minReplicas }}
  maxReplicas: {{ .Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .Values.autoscaling.cpuUtilization }}}
  behavior: {{- include "service.behavior" . | nindent 4 }}
{{- end }}

{{/* KEDA makes an autoscaler of its own of this: on what the consumer group has not read yet, and on CPU for what comes by HTTP. */}}
{{- define "service.lag" -}}
{{- $sasl := hasPrefix "SASL_" .Values.kafka.securityProtocol }}
{{- $tls := hasSuffix "SSL" .Values.kafka.securityProtocol }}
{{- $secured := or $sasl $tls }}
{{ include "service.head" (dict "of" . "kind" "ScaledObject" "version" "keda.sh/v1alpha1") }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "service.name" . }}}
  minReplicaCount: {{ .Values.autoscaling.minReplicas }}
  maxReplicaCount: {{ .Values.autoscaling.maxReplicas }}
  pollingInterval: {{ .Values.autoscaling.lag.pollingSeconds }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {{- include "service.behavior" . | nindent 8 }}
  triggers:
    - type: cpu
      metricType: Utilization
      metadata: {value: {{ .Values.autoscaling.cpuUtilization | quote }}}
    {{- range .Values.autoscaling.lag.topics }}
    - type: kafka
      metadata:
        bootstrapServers: {{ $.Values.kafka.bootstrapServers | quote }}
        consumerGroup: {{ $.Values.config.KAFKA_GROUP | default $.Chart.Name }}
        topic: {{ . }}
        lagThreshold: {{ $.Values.autoscaling.lag.threshold | quote }}
        offsetResetPolicy: earliest
        {{- if $sasl }}
        sasl: {{ $.Values.kafka.saslMechanism | lower | replace "-" "_" | replace "plain" "plaintext" | replace "sha_" "sha" }}
        {{- end }}
        {{- if $tls }}
        tls: enable
        {{- end }}
      {{- if $secured }}
      authenticationRef: {name: {{ include "service.name" $ }}}
      {{- end }}
    {{- end }}
{{- if $secured }}
---
{{ include "service.head" (dict "of" . "kind" "TriggerAuthentication" "version" "keda.sh/v1alpha1") }}
spec:
  {{- if $sasl }}
  env:
    - {parameter: username, name: KAFKA_USERNAME, containerName: {{ .Chart.Name }}}
  {{- end }}
  {{- with .Values.kafka }}
  {{- if or $sasl .ca.secret .certificate.secret }}
  secretTargetRef:
    {{- if $sasl }}
    - {parameter: password, name: {{ .passwordSecret.name }}, key: {{ .passwordSecret.key }}}
    {{- end }}
    {{- if and $tls .ca.secret }}
    - {parameter: ca, name: {{ .ca.secret }}, key: {{ .ca.key }}}
    {{- end }}
    {{- if and $tls .certificate.secret }}
    - {parameter: cert, name: {{ .certificate.secret }}, key: {{ .certificate.certificateKey }}}
    - {parameter: key, name: {{ .certificate.secret }}, key: {{ .certificate.keyKey }}}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
