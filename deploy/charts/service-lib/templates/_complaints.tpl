{{/* What values.schema.json cannot see: values that are right one by one and do not fit together. All of them in one line each. */}}
{{- define "service.complaints" -}}
{{- $wrong := list }}
{{- $own := include "service.settings.structured" . | fromYaml }}
{{- $places := dict "OIDC_" "issuer" "KAFKA_" "kafka" "MONGODB_" "mongodb" "SHUTDOWN_" "shutdown" }}
{{- $known := .Files.Get "settings.txt" | trim | splitList "\n" }}
{{- range $name, $_ := .Values.config }}
  {{- if not (has (trimSuffix "_FILE" $name) $known) }}
    {{- $wrong = append $wrong (printf "config.%s is no setting of %s: settings.txt beside the chart names them all" $name $.Chart.Name) }}
  {{- end }}
  {{- if eq $name "HTTP_BIND" }}
    {{- $wrong = append $wrong "config.HTTP_BIND cannot be said: probes and policies ask port 8000; service.port is what callers see" }}
  {{- end }}
  {{- if regexMatch "(PASSWORD|SECRET|TOKEN|CREDENTIAL|HEADERS)|_KEY$" $name }}
    {{- $wrong = append $wrong (printf "config.%s looks like a secret: put it into a Secret and name that in secrets.%s (secret, key)" $name $name) }}
  {{- end }}
  {{- if hasKey $.Values.secrets (trimSuffix "_FILE" $name) }}
    {{- $wrong = append $wrong (printf "config.%s and secrets.%s are both given: one is enough" $name (trimSuffix "_FILE" $name)) }}
  {{- end }}
  {{- if hasKey $own $name }}
    {{- range $prefix, $place := $places }}
      {{- if hasPrefix $prefix $name }}{{ $wrong = append $wrong (printf "config.%s is made from the values below %s: say it there" $name $place) }}{{ end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
  {{- if not (has $name $known) }}
    {{- $wrong = append $wrong (printf "secrets.%s is no setting of %s: settings.txt beside the chart names them all" $name $.Chart.Name) }}
  {{- end }}
  {{- if or (hasKey $own $name) (hasKey $own (printf "%s_FILE" $name)) }}
    {{- $wrong = append $wrong (printf "secrets.%s is made from the values below kafka or mongodb: say it there" $name) }}
  {{- end }}
{{- end }}
{{- with .Values.mongodb }}
  {{- if not (or .uri .uriSecret.name) }}{{ $wrong = append $wrong "mongodb.uri or mongodb.uriSecret.name must be set" }}{{ end }}
  {{- if regexMatch "^mongodb(\\+srv)?://[^/]*:[^/]*@" .uri }}{{ $wrong = append $wrong "mongodb.uri holds a password: put it into a Secret and name that in mongodb.uriSecret" }}{{ end }}
  {{- if ne (empty .username) (empty .passwordSecret.name) }}{{ $wrong = append $wrong "mongodb.username and mongodb.passwordSecret.name belong together: one of them is missing" }}{{ end }}
{{- end }}
{{- with .Values.kafka }}
  {{- if and (hasPrefix "SASL_" .securityProtocol) (not (and .username .passwordSecret.name)) }}{{ $wrong = append $wrong (printf "kafka.username and kafka.passwordSecret.name must be set: kafka.securityProtocol is %s" .securityProtocol) }}{{ end }}
{{- end }}
{{- with .Values.autoscaling }}
  {{- if and (ne .by "none") (gt (int .minReplicas) (int .maxReplicas)) }}{{ $wrong = append $wrong (printf "autoscaling.minReplicas, %d, is more than autoscaling.maxReplicas, %d" (int .minReplicas) (int .maxReplicas)) }}{{ end }}
{{- end }}
{{- if eq (.Values.autoscaling | default dict).by "lag" }}
  {{- /* Helm makes the new before it takes away the old, and KEDA refuses what is scaled already: better said before anything is changed. */}}
  {{- if lookup "autoscaling/v2" "HorizontalPodAutoscaler" .Release.Namespace (include "service.name" . | trim) }}
    {{- $wrong = append $wrong "autoscaling.by is lag, and an autoscaler by cpu is there: set autoscaling.by to none first, and to lag then" }}
  {{- end }}
{{- end }}
{{- with .Values.networkPolicy }}
  {{- if and .enabled (regexMatch "stripe|wechatpay" (toString $.Values.config.PAYMENT_PROVIDERS)) (not (or .internet.ports .moreEgress)) }}
    {{- $wrong = append $wrong "config.PAYMENT_PROVIDERS names a provider outside, and no way leads there: networkPolicy.internet.ports: [443]" }}
  {{- end }}
{{- end }}
{{- with .Values.expose }}
  {{- if and (ne .by "none") (not .hosts) }}{{ $wrong = append $wrong (printf "expose.hosts must name at least one host: expose.by is %s" .by) }}{{ end }}
  {{- if and (eq .by "httproute") (not .gateways) }}{{ $wrong = append $wrong "expose.gateways must name at least one Gateway: expose.by is httproute" }}{{ end }}
{{- end }}
{{- if $wrong }}{{ fail (printf "\n\n%s: %s\n" .Chart.Name (join (printf "\n%s: " .Chart.Name) $wrong)) }}{{ end }}
{{- end }}
