{{/* Of the services that instruments share. */}}

{{/* Call with root, component and the names of ports; with http, the number of that port. */}}
{{- define "pp.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "pp.fullname" .root }}-{{ .component }}
  labels: {{- include "pp.labels" . | nindent 4 }}
spec:
  selector: {{- include "pp.selector" . | nindent 4 }}
  ports:
  {{- range .ports }}
  - {name: {{ . }}, port: {{ eq . "http" | ternary (default $.root.Values.presence.port $.http) 8000 }}, targetPort: {{ . }}}
  {{- end }}
{{- end }}

{{- define "pp.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "pp.fullname" .root }}-{{ .component }}
  labels: {{- include "pp.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "pp.selector" . | nindent 6 }}
{{- end }}

{{- define "pp.vars.writer" -}}
{{- $writer := .Values.writer -}}
BUTLER_REPOSITORY: {{ default .Values.instrument.centralRepo $writer.outputRepo | quote }}
KAFKA_CLUSTER: {{ default .Values.butler_writer.kafka_cluster $writer.kafka.clusterAddress | quote }}
KAFKA_TOPIC: {{ default .Values.butler_writer.kafka_topic $writer.kafka.topic | quote }}
{{- with $writer.kafka.tlsVerify }}
KAFKA_TLS_VERIFY: {{ . | quote }}
{{- end }}
KAFKA_OUTPUT_TOPIC: {{ $writer.kafka.outputTopic | quote }}
KAFKA_DEAD_LETTER_TOPIC: {{ $writer.kafka.deadLetterTopic | quote }}
{{- with default .Values.butler_writer.kafka_username $writer.kafka.username }}
KAFKA_USERNAME: {{ . | quote }}
KAFKA_PASSWORD: {secret: butler-writer-password}
{{- end }}
{{- if .Values.ca.kafkaKey }}
KAFKA_CA_FILE: /app/ca/kafka.pem
{{- end }}
OUTPUT_DATASET_LIST_DIRECTORY: {{ $writer.outputDatasetListDirectory | quote }}
BATCH_SIZE: {{ $writer.batchSize | toString | quote }}
BATCH_AGE: {{ $writer.batchAge | toString | quote }}
{{- with $writer.runPattern }}
RUN_PATTERN: {{ . | quote }}
{{- end }}
{{- with $writer.formatterPackages }}
FORMATTER_PACKAGES: {{ . | quote }}
{{- end }}
{{- if contains "=" $writer.logLevel }}
SERVICE_LOG_LEVELS: {{ $writer.logLevel | quote }}
{{- else }}
WRITER_DEBUG_LEVEL: {{ $writer.logLevel | quote }}
{{- end }}
KAFKA_DEBUG: {{ ternary "1" "0" $writer.kafka.debug | quote }}
KAFKA_CREATE_TOPICS: {{ ternary "1" "0" $writer.kafka.createTopics | quote }}
LSST_RESOURCES_NUM_WORKERS: {{ .Values.instrument.transferScale | toString | quote }}
{{ include "pp.vars.metrics" . }}
{{- include "pp.vars.database" . }}
{{- end }}

{{- define "pp.env.writer" -}}
{{- $vars := include "pp.vars.s3" . | fromYaml -}}
{{- with .Values.writer.s3.endpointUrl }}{{ $_ := set $vars "S3_ENDPOINT_URL" . }}{{ end -}}
{{- with .Values.writer.s3.aws_profile }}{{ $_ := set $vars "AWS_PROFILE" . }}{{ end -}}
{{- with .Values.writer.s3.checksum }}{{ $_ := set $vars "AWS_REQUEST_CHECKSUM_CALCULATION" . }}{{ end -}}
{{- $vars := merge (include "pp.vars.writer" . | fromYaml) $vars -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.writer.extraEnv "path" "writer.extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}

{{- define "pp.fanOutConfig" -}}
{{- $instruments := splitList " " (regexReplaceAll "[\\s,]+" (trim .Values.fanOut.instruments) " ") -}}
redis-streams:
{{- range $name, $stream := .Values.fanOut.keda.redisStreams }}
{{- if has $name $instruments }}
  {{ $name | quote }}: {{ $stream | quote }}
{{- end }}
{{- end }}
detectors:
{{- range $name, $detectors := .Values.fanOut.detectorConfig }}
{{- if has (regexReplaceAll "-TEST-[0-9]+$" $name "") $instruments }}
  {{ $name | quote }}:
  {{- range $number, $active := $detectors }}
    {{ $number | int }}: {{ $active }}
  {{- else }} {}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pp.vars.fanOut" -}}
{{- $fanOut := .Values.fanOut -}}
KAFKA_SCHEMA_REGISTRY_URL: {{ $fanOut.kafka.schemaRegistryUrl | quote }}
{{- if .Values.ca.schemaRegistryKey }}
KAFKA_SCHEMA_REGISTRY_CA_FILE: /app/ca/schema-registry.pem
{{- end }}
SCHEMA_CACHE: /var/cache/prompt-processing/schemas
KAFKA_CLUSTER: {{ $fanOut.kafka.sasquatchAddress | quote }}
CONSUMER_GROUP: {{ $fanOut.kafka.consumerGroup | quote }}
NEXT_VISIT_TOPIC: {{ $fanOut.kafka.nextVisitTopic | quote }}
{{- with $fanOut.kafka.nextVisitCanceledTopic }}
NEXT_VISIT_CANCELED_TOPIC: {{ . | quote }}
{{- end }}
OFFSET: {{ $fanOut.kafka.offset | quote }}
MESSAGE_EXPIRATION: {{ $fanOut.kafka.expiration | toString | quote }}
POSTPONE_LIMIT: {{ .Values.worker.postponeLimit | toString | quote }}
SECURITY_PROTOCOL: {{ $fanOut.kafka.securityProtocol | quote }}
{{- with $fanOut.kafka.tlsVerify }}
KAFKA_TLS_VERIFY: {{ . | quote }}
{{- end }}
{{- if $fanOut.kafka.auth_env }}
SASL_MECHANISM: {{ $fanOut.kafka.saslMechamism | quote }}
SASL_USERNAME: {secret: kafka_pp_sasl_username}
SASL_PASSWORD: {secret: kafka_pp_sasl_password}
{{- end }}
{{- if .Values.ca.kafkaKey }}
KAFKA_CA_FILE: /app/ca/kafka.pem
{{- end }}
SUPPORTED_INSTRUMENTS: {{ $fanOut.instruments | quote }}
INSTRUMENT_CONFIG_FILE: /etc/prompt-processing/fan-out/instruments.yaml
REDIS_HOST: {{ default .Values.keda.redisStreams.host $fanOut.keda.redisHost | quote }}
REDIS_STREAM_CONSUMER_GROUP: {{ $fanOut.keda.consumerGroup | quote }}
{{- range $name, $seconds := dict "REDIS_RETRY_DELAY_CAP" $fanOut.keda.redisRetryDelayCap "REDIS_RETRY_INITIAL_DELAY" $fanOut.keda.redisRetryInitialDelay "CONSUMER_GONE_SECONDS" $fanOut.keda.consumerGone }}
{{- if ne (toString $seconds) "" }}
{{ $name }}: {{ $seconds | toString | quote }}
{{- end }}
{{- end }}
DEBUG_LOGS: {{ ternary "true" "false" $fanOut.debug | quote }}
PLATFORM: keda
{{- with $fanOut.logLevel }}
SERVICE_LOG_LEVELS: {{ . | quote }}
{{- end }}
{{ include "pp.vars.redis" . }}
{{ include "pp.vars.ledger" . }}
{{ include "pp.vars.metrics" . }}
{{- end }}

{{- define "pp.env.fanOut" -}}
{{- $vars := include "pp.vars.fanOut" . | fromYaml -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.fanOut.extraEnv "path" "fanOut.extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}

{{- define "pp.vars.presence" -}}
{{- $presence := .Values.presence -}}
HOST: "0.0.0.0"
PORT: {{ $presence.port | toString | quote }}
IMAGE_BUCKET: {{ .Values.s3.imageBucket | quote }}
REDIS_HOST: {{ default .Values.keda.redisStreams.host $presence.redis.host | quote }}
{{- if $presence.redis.host }}
REDIS_TIMEOUT: {{ .Values.redis.timeout | toString | quote }}
{{- if $presence.redis.tls }}
REDIS_TLS: "1"
{{- if .Values.ca.redisKey }}
REDIS_CA_FILE: /app/ca/redis.pem
{{- end }}
{{- end }}
{{- with $presence.redis.passwordKey }}
REDIS_PASSWORD: {secret: {{ . | quote }}}
{{- end }}
{{- else }}
{{ include "pp.vars.redis" . }}
{{- end }}
{{- with default .Values.instrument.name $presence.instruments }}
SUPPORTED_INSTRUMENTS: {{ . | quote }}
{{- end }}
{{- if .Values.instrument.camera }}
CAMERA_FILES: /etc/prompt-processing/camera/camera.yaml
{{- end }}
CONSUMER_GROUP: {{ $presence.consumerGroup | quote }}
GROUP_LIFETIME: {{ $presence.groupLifetime | toString | quote }}
CATCH_UP_AFTER: {{ $presence.catchUpAfter | toString | quote }}
OFFSET: {{ .Values.imageNotifications.consumerOffsetReset | quote }}
{{- with $presence.logLevel }}
SERVICE_LOG_LEVELS: {{ . | quote }}
{{- end }}
{{ include "pp.vars.notifications" . }}
{{ include "pp.vars.s3" . }}
{{ include "pp.vars.metrics" . }}
{{- end }}

{{- define "pp.env.presence" -}}
{{- $vars := include "pp.vars.presence" . | fromYaml -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.presence.extraEnv "path" "presence.extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}

{{- define "pp.vars.console" -}}
{{- $console := .Values.console -}}
CONSOLE_HOST: "0.0.0.0"
CONSOLE_PORT: {{ $console.port | toString | quote }}
{{- with $console.rootPath }}
CONSOLE_ROOT_PATH: {{ . | quote }}
{{- end }}
{{- with $console.trustedProxies }}
TRUSTED_PROXIES: {{ . | quote }}
{{- end }}
{{- with $console.tokenKey }}
CONSOLE_TOKEN: {secret: {{ . | quote }}}
{{- end }}
RUBIN_INSTRUMENT: {{ .Values.instrument.name | quote }}
{{- if .Values.instrument.camera }}
CAMERA_FILE: /etc/prompt-processing/camera/camera.yaml
{{- end }}
CENTRAL_REPO: {{ default .Values.instrument.centralRepo .Values.instrument.readRepo | quote }}
CONFIG_APDB: {{ .Values.apdb.config | quote }}
{{- $neighbours := list -}}
{{- $name := include "pp.fullname" . -}}
{{- if .Values.fanOut.enabled }}{{ $neighbours = append $neighbours (printf "fan-out=http://%s-fan-out:8000/readyz" $name) }}{{ end -}}
{{- if .Values.presence.enabled }}{{ $neighbours = append $neighbours (printf "raw-presence=http://%s-presence:8000/readyz" $name) }}{{ end -}}
{{- if .Values.writer.enabled }}{{ $neighbours = append $neighbours (printf "butler-writer=http://%s-writer:8000/metrics" $name) }}{{ end -}}
{{- with $neighbours }}
CONSOLE_NEIGHBOURS: {{ join " " . | quote }}
{{- end }}
REDIS_STREAM_HOST: {{ .Values.keda.redisStreams.host | quote }}
REDIS_STREAM_NAME: {{ .Values.keda.redisStreams.streamName | quote }}
REDIS_STREAM_CONSUMER_GROUP: {{ .Values.keda.redisStreams.consumerGroup | quote }}
{{- with .Values.ledger.url }}
LEDGER_URL: {{ . | quote }}
{{- end }}
{{- with .Values.ledger.urlKey }}
LEDGER_URL: {secret: {{ . | quote }}}
{{- end }}
HOME: /tmp
{{- with $console.logLevel }}
SERVICE_LOG_LEVELS: {{ . | quote }}
{{- end }}
{{ include "pp.vars.alerts" . }}
{{ include "pp.vars.redis" . }}
{{ include "pp.vars.s3" . }}
{{- include "pp.vars.database" . }}
{{- end }}

{{- define "pp.env.console" -}}
{{- $vars := include "pp.vars.console" . | fromYaml -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.console.extraEnv "path" "console.extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}
