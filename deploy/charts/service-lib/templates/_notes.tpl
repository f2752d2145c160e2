{{- define "service.notes" -}}
{{ .Chart.Name }} {{ .Values.image.tag | default .Chart.AppVersion }} is at http://{{ include "service.name" . }}.{{ .Release.Namespace }}:{{ .Values.service.port }} inside the cluster.
It becomes ready when Kafka, MongoDB and the issuer of tokens answer, and says what it waits for:

  kubectl --namespace {{ .Release.Namespace }} rollout status deployment/{{ include "service.name" . }}
  kubectl --namespace {{ .Release.Namespace }} exec deployment/{{ include "service.name" . }} -- python -m chassis.healthcheck ready
{{- end }}
