{{/* What things are called. */}}

{{- define "service.name" -}}
{{ .Values.fullnameOverride | default (contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name)) | trunc 53 | trimSuffix "-" }}
{{- end }}

{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "service.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "service.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: shanhuo
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The head of every resource: (dict "of" . "kind" "Service" "version" "v1" "suffix" "") */}}
{{- define "service.head" -}}
apiVersion: {{ .version }}
kind: {{ .kind }}
metadata:
  name: {{ include "service.name" .of }}{{ with .suffix }}-{{ . }}{{ end }}
  namespace: {{ .of.Release.Namespace }}
  labels: {{- include "service.labels" .of | nindent 4 }}
{{- end }}

{{- define "service.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* A number of a values file as it was written: Helm hands on every number as a floating one. */}}
{{- define "service.plain" -}}
{{ if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}
