{{/* Environment variables by subject, as maps from name to text or to {secret: key}. */}}

{{- define "pp.vars.metrics" -}}
METRICS_HOST: "0.0.0.0"
METRICS_PORT: "8000"
CHART_VERSION: {{ .Chart.Version | quote }}
HOME: /tmp
{{- end }}

{{- define "pp.vars.redis" -}}
REDIS_TIMEOUT: {{ .Values.redis.timeout | toString | quote }}
{{- if .Values.redis.tls }}
REDIS_TLS: "1"
{{- end }}
{{- if .Values.ca.redisKey }}
REDIS_CA_FILE: /app/ca/redis.pem
{{- end }}
{{- with .Values.redis.passwordKey }}
REDIS_PASSWORD: {secret: {{ . | quote }}}
{{- end }}
{{- end }}

{{- define "pp.vars.ledger" -}}
LEASE_SECONDS: {{ .Values.keda.redisStreams.lease | toString | quote }}
{{- with .Values.ledger.url }}
LEDGER_URL: {{ . | quote }}
{{- end }}
{{- with .Values.ledger.urlKey }}
LEDGER_URL: {secret: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* The Kafka that tells of images. */}}
{{- define "pp.vars.notifications" -}}
KAFKA_CLUSTER: {{ .Values.imageNotifications.kafkaClusterAddress | quote }}
BUCKET_TOPIC: {{ .Values.imageNotifications.topic | quote }}
{{- with .Values.imageNotifications.securityProtocol }}
SECURITY_PROTOCOL: {{ . | quote }}
{{- end }}
{{- with .Values.imageNotifications.tlsVerify }}
KAFKA_TLS_VERIFY: {{ . | quote }}
{{- end }}
{{- with .Values.imageNotifications.username }}
SASL_USERNAME: {{ . | quote }}
SASL_PASSWORD: {secret: {{ $.Values.imageNotifications.passwordKey | quote }}}
SASL_MECHANISM: {{ $.Values.imageNotifications.saslMechanism | quote }}
{{- end }}
{{- if .Values.ca.kafkaKey }}
KAFKA_CA_FILE: /app/ca/kafka.pem
{{- end }}
{{- end }}

{{- define "pp.vars.s3" -}}
S3_ENDPOINT_URL: {{ .Values.s3.endpointUrl | quote }}
LSST_DISABLE_BUCKET_VALIDATION: {{ .Values.s3.disableBucketValidation | toString | quote }}
{{- with .Values.s3.checksum }}
AWS_REQUEST_CHECKSUM_CALCULATION: {{ . | quote }}
{{- end }}
{{- if .Values.s3.auth_env }}
AWS_ACCESS_KEY_ID: {secret: s3_access_key}
AWS_SECRET_ACCESS_KEY: {secret: s3_secret_key}
{{- end }}
{{- if .Values.s3.cred_file_auth }}
AWS_SHARED_CREDENTIALS_FILE: /app/s3/credentials
{{- end }}
{{- with .Values.s3.aws_profile }}
AWS_PROFILE: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "pp.vars.database" -}}
{{- if .Values.registry.dbAuth }}
LSST_DB_AUTH: /app/lsst-credentials/db-auth.yaml
{{- end }}
{{- end }}

{{- define "pp.vars.alerts" -}}
{{- if .Values.alerts.server }}
AP_KAFKA_SERVER: {{ .Values.alerts.server | quote }}
AP_KAFKA_TOPIC: {{ .Values.alerts.topic | quote }}
AP_KAFKA_PRODUCER_USERNAME: {{ .Values.alerts.username | quote }}
AP_KAFKA_PRODUCER_PASSWORD: {secret: alert_stream_pass}
{{- with .Values.alerts.securityProtocol }}
AP_KAFKA_SECURITY_PROTOCOL: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* All that workers and the initializer have in common; neither sets any of these for itself. */}}
{{- define "pp.vars.deployment" -}}
RUBIN_INSTRUMENT: {{ .Values.instrument.name | quote }}
{{- if .Values.instrument.camera }}
CAMERA_FILE: /etc/prompt-processing/camera/camera.yaml
{{- end }}
PREPROCESSING_PIPELINES_CONFIG: {{ .Values.instrument.pipelines.preprocessing | toJson }}
MAIN_PIPELINES_CONFIG: {{ .Values.instrument.pipelines.main | toJson }}
{{- if .Values.instrument.pipelines.volume }}
PROMPT_PROCESSING_DIR: /srv/prompt-processing
{{- end }}
EXPORT_TYPE_REGEXP: {{ .Values.instrument.exportTypes | toJson }}
{{- with .Values.instrument.changeTasks }}
CHANGE_TASKS: {{ . | quote }}
{{- end }}
SKYMAP: {{ .Values.instrument.skymap | quote }}
CENTRAL_REPO: {{ .Values.instrument.centralRepo | quote }}
CONFIG_APDB: {{ .Values.apdb.config | quote }}
REPO_RETRY_DELAY: {{ .Values.instrument.repoWait | toString | quote }}
LSST_RESOURCES_NUM_WORKERS: {{ .Values.instrument.transferScale | toString | quote }}
{{- with .Values.mpSky_service }}
MP_SKY_URL: {{ . | quote }}
{{- end }}
{{- with .Values.iers_cache }}
CENTRAL_IERS_CACHE: {{ . | quote }}
{{- end }}
{{- with .Values.sattle.uri_base }}
SATTLE_URI_BASE: {{ . | quote }}
{{- end }}
{{- if .Values.sasquatch.endpointUrl }}
SASQUATCH_URL: {{ .Values.sasquatch.endpointUrl | quote }}
DAF_BUTLER_SASQUATCH_NAMESPACE: {{ .Values.sasquatch.namespace | quote }}
{{- if .Values.sasquatch.auth_env }}
SASQUATCH_TOKEN: {secret: sasquatch_token}
{{- end }}
{{- end }}
{{ include "pp.vars.alerts" . }}
{{- with .Values.logLevel }}
SERVICE_LOG_LEVELS: {{ . | quote }}
{{- end }}
HOME: /tmp
{{ include "pp.vars.s3" . }}
{{- include "pp.vars.database" . }}
{{- end }}

{{/* What a worker has beside. */}}
{{- define "pp.vars.worker" -}}
PLATFORM: keda
WORKER_RESTART_FREQ: {{ .Values.worker.restart | toString | quote }}
WORKER_TIMEOUT: {{ .Values.worker.timeout | toString | quote }}
SHUTDOWN_GRACE: {{ .Values.worker.grace_period | toString | quote }}
CHILD_MEMORY_CEILING: {{ .Values.worker.memoryCeiling | toString | quote }}
MAX_ATTEMPTS: {{ .Values.worker.maxAttempts | toString | quote }}
{{- if ne (toString .Values.worker.claim) "" }}
CLAIM_SECONDS: {{ .Values.worker.claim | toString | quote }}
{{- end }}
POSTPONE_LIMIT: {{ .Values.worker.postponeLimit | toString | quote }}
OMP_NUM_THREADS: {{ .Values.worker.threads | toString | quote }}
MKL_NUM_THREADS: {{ .Values.worker.threads | toString | quote }}
REDIS_STREAM_HOST: {{ .Values.keda.redisStreams.host | quote }}
REDIS_STREAM_NAME: {{ .Values.keda.redisStreams.streamName | quote }}
REDIS_STREAM_CONSUMER_GROUP: {{ .Values.keda.redisStreams.consumerGroup | quote }}
REDIS_RETRY_DELAY: {{ .Values.keda.redisStreams.retry | toString | quote }}
FANNED_OUT_MSG_LISTEN_TIMEOUT: {{ .Values.keda.redisStreams.msgListenTimeout | toString | quote }}
MESSAGE_EXPIRATION: {{ .Values.keda.redisStreams.expiration | toString | quote }}
IMAGE_BUCKET: {{ .Values.s3.imageBucket | quote }}
IMAGE_TIMEOUT: {{ .Values.imageNotifications.imageTimeout | toString | quote }}
UNKNOWN_NIMAGES_GRACE: {{ .Values.imageNotifications.unknownCountGrace | toString | quote }}
BUCKET_NOTIFICATION_KAFKA_OFFSET_RESET: {{ .Values.imageNotifications.consumerOffsetReset | quote }}
{{- with include "pp.microservice" . }}
RAW_MICROSERVICE: {{ . | quote }}
{{- end }}
{{- with .Values.instrument.readRepo }}
READ_CENTRAL_REPO: {{ . | quote }}
{{- end }}
{{- with .Values.instrument.localRepoConfig }}
LOCAL_REPO_CONFIG: {{ . | quote }}
{{- end }}
LOCAL_REPOS: /tmp-butler
LOCAL_REPO_CACHE_SIZE: {{ .Values.cache.baseSize | toString | quote }}
PRELOAD_PADDING: {{ .Values.instrument.preloadPadding | toString | quote }}
DEBUG_EXPORT_OUTPUTS: {{ ternary "1" "0" .Values.debug.exportOutputs | quote }}
{{- if .Values.debug.monitorDaxApdb }}
DAX_APDB_MONITOR_CONFIG: logging:lsst.dax.apdb.monitor
{{- end }}
{{- if .Values.butler_writer.enabled }}
USE_KAFKA_BUTLER_WRITER: "1"
BUTLER_WRITER_KAFKA_CLUSTER: {{ .Values.butler_writer.kafka_cluster | quote }}
BUTLER_WRITER_KAFKA_TOPIC: {{ .Values.butler_writer.kafka_topic | quote }}
{{- with .Values.butler_writer.kafka_username }}
BUTLER_WRITER_KAFKA_USERNAME: {{ . | quote }}
BUTLER_WRITER_KAFKA_PASSWORD: {secret: butler-writer-password}
{{- end }}
{{- end }}
{{ include "pp.vars.notifications" . }}
{{ include "pp.vars.redis" . }}
{{ include "pp.vars.ledger" . }}
{{ include "pp.vars.metrics" . }}
{{- end }}

{{- define "pp.env.initializer" -}}
{{- $vars := include "pp.vars.deployment" . | fromYaml -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.extraEnv "path" "extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}

{{- define "pp.env.worker" -}}
{{- $own := include "pp.vars.worker" . | fromYaml -}}
{{- $vars := merge (include "pp.vars.deployment" . | fromYaml) $own -}}
{{- $vars := include "pp.merged" (dict "vars" $vars "extra" .Values.extraEnv "path" "extraEnv") | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}

{{- define "pp.vars.courier" -}}
CENTRAL_REPO: {{ .Values.instrument.centralRepo | quote }}
CONFIG_APDB: {{ .Values.apdb.config | quote }}
WORKER_TIMEOUT: {{ .Values.worker.timeout | toString | quote }}
REDIS_STREAM_HOST: {{ .Values.keda.redisStreams.host | quote }}
{{- with .Values.ledger.url }}
LEDGER_URL: {{ . | quote }}
{{- end }}
{{- with .Values.ledger.urlKey }}
LEDGER_URL: {secret: {{ . | quote }}}
{{- end }}
{{- with .Values.logLevel }}
SERVICE_LOG_LEVELS: {{ . | quote }}
{{- end }}
{{ include "pp.vars.alerts" . }}
{{ include "pp.vars.redis" . }}
{{ include "pp.vars.metrics" . }}
{{ include "pp.vars.s3" . }}
{{- include "pp.vars.database" . }}
{{- end }}

{{- define "pp.env.courier" -}}
{{- $vars := include "pp.vars.courier" . | fromYaml -}}
{{- include "pp.env" (dict "root" . "vars" $vars) -}}
{{- end }}
