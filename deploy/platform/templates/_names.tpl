{{- define "platform.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: shanhuo-platform
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* (dict "of" . "version" … "kind" … "name" … "labels" …) */}}
{{- define "platform.head" -}}
apiVersion: {{ .version }}
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  namespace: {{ .of.Release.Namespace }}
  labels:
    {{- include "platform.labels" .of | nindent 4 }}
    {{- with .labels }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{/* Selects the pods of those named, and of nobody else who is part of Shanhuo: the load, say. */}}
{{- define "platform.callers" -}}
matchLabels: {app.kubernetes.io/part-of: shanhuo}
matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: {{ toJson . }}}]
{{- end }}

{{- define "platform.copies" -}}
{{ min (int .Values.kafka.replicas) 3 }}
{{- end }}

{{/* A majority of the copies: contracts/contracts/topics.py */}}
{{- define "platform.majority" -}}
{{ add (div (min (int .Values.kafka.replicas) 3) 2) 1 }}
{{- end }}
