{{- define "service.deployment" -}}
{{- $sources := include "service.secrets.sources" . | trim }}
{{ include "service.head" (dict "of" . "kind" "Deployment" "version" "apps/v1") }}
spec:
  {{- if has (.Values.autoscaling | default dict).by (list "none" nil) }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "service.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "service.selector" . | nindent 8 }}
        app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
        app.kubernetes.io/part-of: shanhuo
        {{- with .Values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      annotations:
        checksum/settings: {{ include "service.settings.data" . | sha256sum }}
        {{- with .Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      serviceAccountName: {{ include "service.name" . }}
      automountServiceAccountToken: false
      # A Service called kafka would be told to us as KAFKA_PORT and the like, which are settings.
      enableServiceLinks: false
      {{- with .Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: {type: RuntimeDefault}
      # The hook, the time in which all is answered, the time for what is under way, 5 s for the outbox, and some to spare.
      {{- with .Values.shutdown }}
      terminationGracePeriodSeconds: {{ add .preStopSeconds .delaySeconds .graceSeconds 10 }}
      {{- end }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "service.image" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          {{- with .Values.command }}
          command: {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: http, containerPort: 8000, protocol: TCP}
          envFrom:
            - configMapRef: {name: {{ include "service.name" . }}}
          {{- with .Values.env }}
          env: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with .Values.shutdown }}{{ if .preStopSeconds }}
          lifecycle:
            preStop:
              sleep: {seconds: {{ .preStopSeconds }}}
          {{- end }}{{ end }}
          startupProbe:
            {{ include "service.probe" (dict "of" . "path" "/health/live") }}
            {{- toYaml .Values.probes.startup | nindent 12 }}
          livenessProbe:
            {{ include "service.probe" (dict "of" . "path" "/health/live") }}
            {{- toYaml .Values.probes.liveness | nindent 12 }}
          readinessProbe:
            {{ include "service.probe" (dict "of" . "path" "/health/ready") }}
            {{- toYaml .Values.probes.readiness | nindent 12 }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- if $sources }}
            - {name: secrets, mountPath: /secrets, readOnly: true}
            {{- end }}
            {{- with .Values.volumeMounts }}{{ toYaml . | nindent 12 }}{{ end }}
      volumes:
        - name: tmp
          emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
        {{- if $sources }}
        - name: secrets
          projected:
            defaultMode: 0440
            sources: {{- $sources | nindent 14 }}
        {{- end }}
        {{- with .Values.volumes }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      # Among replicas of one version: counted together, a new one would be put where the old ones are few for a moment.
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels: {{- include "service.selector" $ | nindent 14 }}
        {{- end }}
{{- end }}

{{/* Who has no /health says tcpProbes: it is well when it listens. */}}
{{- define "service.probe" -}}
{{ if .of.Values.tcpProbes }}tcpSocket: {port: http}{{ else }}httpGet: {path: {{ .path }}, port: http}{{ end }}
{{- end }}
