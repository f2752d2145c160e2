{{- define "engines.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .of.Release.Name }}
{{- end }}

{{/* What PodSecurity `restricted` asks of a pod: (dict "user" 1000) */}}
{{- define "engines.pod" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* … and of a container: (dict "readOnly" true) */}}
{{- define "engines.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ .readOnly }}
capabilities: {drop: [ALL]}
{{- end }}
