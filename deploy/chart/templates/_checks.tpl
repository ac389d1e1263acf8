{{/* What the schema cannot say: values that do not fit each other. Each fault is a line; all are told. */}}

{{- define "pp.checks" -}}
{{- $faults := list -}}
{{- range list "pp.faults.secrets" "pp.faults.examples" "pp.faults.images" "pp.faults.renamed" "pp.faults.scaling" "pp.faults.fanOut" "pp.faults.queue" "pp.faults.worker" "pp.faults.storage" "pp.faults.writer" "pp.faults.console" -}}
{{- with include . $ | trim -}}
{{- $faults = append $faults . -}}
{{- end -}}
{{- end -}}
{{- with $faults -}}
{{- fail (printf "\n\nThese values are refused:\n%s\n" (join "\n" .)) -}}
{{- end -}}
{{- end }}

{{/* Passwords have no place in values, neither by name nor within an address. */}}
{{- define "pp.faults.secrets" -}}
{{- include "pp.walk" (dict "value" .Values "path" "") -}}
{{- end }}

{{- define "pp.walk" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- $here := $path | empty | ternary $key (printf "%s.%s" $path $key) -}}
{{- $scalar := not (or (kindIs "map" $value) (kindIs "slice" $value) (kindIs "bool" $value) (kindIs "invalid" $value)) -}}
{{- if and $scalar (regexMatch "(?i)(password|passwd|passphrase|secret_?key|access_?key|access_?key_?id|token|credentials?)$" $key) (not (has ($value | toString) (list "" "true" "false"))) }}
- {{ $here }}: passwords are not taken from values; put it into the secret (docs/deploying.md lists its keys)
{{- else -}}
{{- include "pp.walk" (dict "value" $value "path" $here) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "pp.walk" (dict "value" $value "path" (printf "%s[%d]" $path $index)) -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- if regexMatch "[a-zA-Z]://[^/\\s@]*:[^/\\s@]+@" .value }}
- {{ $path }}: holds a password within an address; passwords are not taken from values
{{- end -}}
{{- end -}}
{{- end }}

{{/* The defaults' addresses, with anything but the defaults' camera. */}}
{{- define "pp.faults.examples" -}}
{{- $asked := dict -}}
{{- range list (dict "enabled" .Values.instrument.name "image" (dict "repository" "")) .Values.fanOut .Values.presence .Values.writer .Values.console -}}
{{- if and .enabled (not .image.repository) }}{{ $_ := set $asked "image.repository" $.Values.image.repository }}{{ end -}}
{{- end -}}
{{- if .Values.instrument.name -}}
{{- $asked = merge $asked (dict "initializer.image.repository" .Values.initializer.image.repository "instrument.centralRepo" .Values.instrument.centralRepo "s3.endpointUrl" .Values.s3.endpointUrl "s3.imageBucket" .Values.s3.imageBucket "imageNotifications.kafkaClusterAddress" .Values.imageNotifications.kafkaClusterAddress "keda.redisStreams.host" .Values.keda.redisStreams.host) -}}
{{- if eq .Values.keda.redisStreams.streamName "instrument:simcam" }}{{ $_ := set $asked "keda.redisStreams.streamName" "example.org" }}{{ end -}}
{{- if eq .Values.keda.redisStreams.consumerGroup "simcam_consumer_group" }}{{ $_ := set $asked "keda.redisStreams.consumerGroup" "example.org" }}{{ end -}}
{{- if .Values.butler_writer.enabled }}{{ $_ := set $asked "butler_writer.kafka_cluster" .Values.butler_writer.kafka_cluster }}{{ end -}}
{{- end -}}
{{- if .Values.fanOut.enabled -}}
{{- $_ := set $asked "fanOut.kafka.schemaRegistryUrl" .Values.fanOut.kafka.schemaRegistryUrl -}}
{{- $_ := set $asked "fanOut.kafka.sasquatchAddress" .Values.fanOut.kafka.sasquatchAddress -}}
{{- $_ := set $asked "keda.redisStreams.host" (default .Values.keda.redisStreams.host .Values.fanOut.keda.redisHost) -}}
{{- end -}}
{{- if .Values.presence.enabled -}}
{{- $_ := set $asked "s3.endpointUrl" .Values.s3.endpointUrl -}}
{{- $_ := set $asked "s3.imageBucket" .Values.s3.imageBucket -}}
{{- $_ := set $asked "imageNotifications.kafkaClusterAddress" .Values.imageNotifications.kafkaClusterAddress -}}
{{- end -}}
{{- if .Values.writer.enabled -}}
{{- $_ := set $asked "writer.outputDatasetListDirectory" .Values.writer.outputDatasetListDirectory -}}
{{- $_ := set $asked "instrument.centralRepo (or writer.outputRepo)" (default .Values.instrument.centralRepo .Values.writer.outputRepo) -}}
{{- end -}}
{{- if ne .Values.instrument.name "SimCam" -}}
{{- range $path, $value := $asked -}}
{{- if contains "example.org" $value }}
- {{ $path }}: must be set; it still has the default, which is an example
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Images of the system that this one succeeds: they know neither its commands nor its variables. */}}
{{- define "pp.faults.images" -}}
{{- range $path, $image := dict "image" .Values.image "initializer.image" .Values.initializer.image "fanOut.image" .Values.fanOut.image "presence.image" .Values.presence.image "console.image" .Values.console.image "writer.image" .Values.writer.image -}}
{{- if regexMatch "(^|/)(lsst-dm/(prompt[-_]|next_visit_fan_out)|prompt-proto/)" $image.repository }}
- {{ $path }}.repository: {{ $image.repository }} is an image of the former system, which this chart cannot run; write the place of this project's own, REGISTRY/prompt-processing/{{ eq $path "initializer.image" | ternary "initializer" "service" }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Names of the charts of old that stand elsewhere now, or nowhere. */}}
{{- define "pp.faults.renamed" -}}
{{- if hasKey .Values.instrument "calibRepo" }}
- instrument.calibRepo: is the repository that instrument.centralRepo names now; write that, and leave this out
{{- end -}}
{{- range $name := list "refcatsPerImage" "patchesPerImage" -}}
{{- if hasKey $.Values.cache $name }}
- cache.{{ $name }}: a worker keeps cache.baseSize datasets of every type; leave this out
{{- end -}}
{{- end -}}
{{- range $service := list "fanOut" "writer" -}}
{{- $values := get $.Values $service -}}
{{- range $name := list "nameOverride" "fullnameOverride" -}}
{{- if get $values $name }}
- {{ $service }}.{{ $name }}: a release has one name for all that it makes; write {{ $name }} at the top
{{- end -}}
{{- end -}}
{{- range $name, $value := $values.global -}}
{{- if and $value (ne (get $.Values.global $name | toString) (toString $value)) }}
- {{ $service }}.global.{{ $name }}: is for the whole release; write global.{{ $name }} at the top
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.instrument.pipelines.volume (contains "${PROMPT_PROCESSING_DIR}/prompt_pipelines" (printf "%s %s" .Values.instrument.pipelines.main .Values.instrument.pipelines.preprocessing)) }}
- instrument.pipelines.volume: PROMPT_PROCESSING_DIR then holds what the volume has, and not this project's prompt_pipelines; put copies of those that are named into the volume, or all of them into an image
{{- end -}}
{{- end }}

{{- define "pp.faults.console" -}}
{{- if .Values.console.enabled -}}
{{- if not .Values.instrument.name }}
- console.enabled: needs instrument.name, whose night it shows
{{- end -}}
{{- if not (or .Values.console.trustedProxies .Values.console.tokenKey) }}
- console: needs trustedProxies or tokenKey, so that it is known who may look
{{- end -}}
{{- end -}}
{{- end }}

{{- define "pp.faults.scaling" -}}
{{- $keda := .Values.keda -}}
{{- if gt (int $keda.minReplicaCount) (int $keda.maxReplicaCount) }}
- keda.minReplicaCount: {{ $keda.minReplicaCount }} is more than keda.maxReplicaCount, {{ $keda.maxReplicaCount }}
{{- end -}}
{{- if eq (int $keda.redisStreams.activationLagCount) 0 }}
- keda.redisStreams.activationLagCount: KEDA 2.16 refuses 0 beside lagCount and starts no worker at all; write -1, which counts a single visit-detector on any KEDA
{{- end -}}
{{- if and (gt (int $keda.redisStreams.activationLagCount) 0) (eq (int $keda.minReplicaCount) 0) }}
- keda.redisStreams.activationLagCount: with {{ $keda.redisStreams.activationLagCount }} and keda.minReplicaCount 0, a last visit-detector would never get a worker; write -1
{{- end -}}
{{- if ge (float64 $keda.redisStreams.lease) (float64 $keda.redisStreams.expiration) }}
- keda.redisStreams.lease: {{ $keda.redisStreams.lease }} s is not less than keda.redisStreams.expiration; what a dead worker held would be too old when it is put back
{{- end -}}
{{- end }}

{{/* Whatever instruments it serves, with workers in this release or without. */}}
{{- define "pp.faults.fanOut" -}}
{{- $fanOut := .Values.fanOut -}}
{{- if $fanOut.enabled -}}
{{- if not $fanOut.kafka.securityProtocol }}
- fanOut.kafka.securityProtocol: must be said, since the charts of old had several defaults; write SASL_SSL, or SASL_PLAINTEXT to speak without TLS
{{- end -}}
{{- $instruments := compact (splitList " " (regexReplaceAll "[\\s,]+" $fanOut.instruments " ")) -}}
{{- if not $instruments }}
- fanOut.instruments: names no instrument; no visit would be taken
{{- end -}}
{{- range $instruments -}}
{{- if not (hasKey $fanOut.keda.redisStreams .) }}
- fanOut.keda.redisStreams: has no stream for {{ . }}, which fanOut.instruments names; its visits would reach no worker
{{- end -}}
{{- if not (hasKey $fanOut.detectorConfig .) }}
- fanOut.detectorConfig: has nothing for {{ . }}, which fanOut.instruments names; none of its detectors would be active
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The fan-out puts expired leases back: it must look where the workers of this release lease. */}}
{{- define "pp.faults.queue" -}}
{{- if and .Values.fanOut.enabled .Values.instrument.name -}}
{{- $name := .Values.instrument.name -}}
{{- $fanOut := .Values.fanOut -}}
{{- $queue := .Values.keda.redisStreams -}}
{{- $instruments := splitList " " (regexReplaceAll "[\\s,]+" (trim $fanOut.instruments) " ") -}}
{{- if not (has $name $instruments) }}
- fanOut.instruments: lacks {{ $name }}, the instrument of this release's workers
{{- end -}}
{{- if ne (get $fanOut.keda.redisStreams $name) $queue.streamName }}
- fanOut.keda.redisStreams.{{ $name }}: is {{ get $fanOut.keda.redisStreams $name | quote }}, the workers read {{ $queue.streamName | quote }}
{{- end -}}
{{- $group := replace "{instrument}" (lower $name) $fanOut.keda.consumerGroup -}}
{{- if ne $group $queue.consumerGroup }}
- fanOut.keda.consumerGroup: is {{ $group | quote }} for {{ $name }}, the workers' is {{ $queue.consumerGroup | quote }}; their expired leases would be forgotten
{{- end -}}
{{- if and $fanOut.keda.redisHost (ne (include "pp.withPort" $fanOut.keda.redisHost) (include "pp.withPort" $queue.host)) }}
- fanOut.keda.redisHost: is {{ $fanOut.keda.redisHost | quote }}, the workers' is {{ $queue.host | quote }}
{{- end -}}
{{- if not (has true (values (get $fanOut.detectorConfig $name | default dict))) }}
- fanOut.detectorConfig.{{ $name }}: has no active detector
{{- end -}}
{{- end -}}
{{- end }}

{{- define "pp.faults.worker" -}}
{{- $ := . -}}
{{- if le (float64 .Values.worker.timeout) (float64 .Values.imageNotifications.imageTimeout) }}
- worker.timeout: {{ .Values.worker.timeout }} s leaves no time after imageNotifications.imageTimeout, {{ .Values.imageNotifications.imageTimeout }} s
{{- end -}}
{{- with (.Values.resources.limits | default dict).memory -}}
{{- if gt (float64 $.Values.worker.memoryCeiling) (divf (include "pp.amount" . | float64) 1048576) }}
- worker.memoryCeiling: {{ $.Values.worker.memoryCeiling }} MiB is more than the worker's resources.limits.memory, {{ . }}
{{- end -}}
{{- end -}}
{{- if and .Values.s3.aws_profile (not .Values.s3.cred_file_auth) }}
- s3.aws_profile: needs s3.cred_file_auth, since the profile is in that file
{{- end -}}
{{- if and .Values.s3.aws_profile .Values.s3.auth_env }}
- s3.auth_env: credentials in variables would stand in for those of s3.aws_profile
{{- end -}}
{{- if and .Values.alerts.server (not (and .Values.alerts.topic .Values.alerts.username)) }}
- alerts.server: needs alerts.topic and alerts.username
{{- end -}}
{{- if and .Values.registry.centralRepoFile (contains "://" .Values.instrument.centralRepo) }}
- instrument.centralRepo: with registry.centralRepoFile it is the folder where the file is mounted, not an address
{{- end -}}
{{- if and .Values.registry.centralRepoFile (contains "://" .Values.instrument.readRepo) }}
- instrument.readRepo: with registry.centralRepoFile it is the folder where the file is mounted, not an address
{{- end -}}
{{- if and .Values.ledger.url .Values.ledger.urlKey }}
- ledger.url: stands beside ledger.urlKey; one of them says where the ledger is
{{- end -}}
{{- if and .Values.instrument.camera (ne (get (fromYaml .Values.instrument.camera) "instrument" | toString) .Values.instrument.name) }}
- instrument.camera: is not the camera of instrument.name, {{ .Values.instrument.name | quote }}
{{- end -}}
{{- if and (eq (include "pp.secretSource" .) "vault") (not .Values.secrets.vaultPath) (not .Values.global.vaultSecretsPath) }}
- secrets.vaultPath: is needed with secrets.source vault, unless global.vaultSecretsPath is set
{{- end -}}
{{- $volumes := list -}}
{{- range .Values.additionalVolumes }}{{ $volumes = append $volumes .name }}{{ end -}}
{{- range .Values.additionalVolumeMounts -}}
{{- if not (has .name $volumes) }}
- additionalVolumeMounts: there is no {{ .name | quote }} in additionalVolumes
{{- end -}}
{{- end -}}
{{- end }}

{{- define "pp.faults.storage" -}}
{{- $requests := .Values.resources.requests | default dict -}}
{{- $limits := .Values.resources.limits | default dict -}}
{{- include "pp.exceeds" (dict "path" "resources" "requests" $requests "limits" $limits) -}}
{{- if hasKey $limits "ephemeral-storage" -}}
{{- if gt (include "pp.amount" .Values.keda.ephemeralStorageLimit | float64) (include "pp.amount" (get $limits "ephemeral-storage") | float64) }}
- keda.ephemeralStorageLimit: {{ .Values.keda.ephemeralStorageLimit }} is more than the worker's resources.limits.ephemeral-storage, {{ get $limits "ephemeral-storage" }}
{{- end -}}
{{- end -}}
{{- range $path, $values := dict "initializer.resources" .Values.initializer.resources "writer.resources" .Values.writer.resources -}}
{{- include "pp.exceeds" (dict "path" $path "requests" (dict "cpu" $values.cpuRequest "memory" $values.memoryRequest) "limits" (dict "cpu" $values.cpuLimit "memory" $values.memoryLimit)) -}}
{{- end -}}
{{- range $path, $values := dict "fanOut.resources" .Values.fanOut.resources "presence.resources" .Values.presence.resources -}}
{{- include "pp.exceeds" (dict "path" $path "requests" ($values.requests | default dict) "limits" ($values.limits | default dict)) -}}
{{- end -}}
{{- end }}

{{- define "pp.exceeds" -}}
{{- $limits := .limits -}}
{{- $path := .path -}}
{{- range $name, $request := .requests -}}
{{- if hasKey $limits $name -}}
{{- if gt (include "pp.amount" $request | float64) (include "pp.amount" (get $limits $name) | float64) }}
- {{ $path }}: more {{ $name }} is requested, {{ $request }}, than the limit, {{ get $limits $name }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A quantity of Kubernetes as a number. */}}
{{- define "pp.amount" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- $scales := dict "none" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (trimSuffix $unit $text | float64) (get $scales (default "none" $unit)) -}}
{{- end }}

{{- define "pp.faults.writer" -}}
{{- $asked := .Values.butler_writer -}}
{{- $writer := .Values.writer -}}
{{- if and $asked.enabled (not (and $asked.kafka_cluster $asked.kafka_topic)) }}
- butler_writer.enabled: needs butler_writer.kafka_cluster and butler_writer.kafka_topic
{{- end -}}
{{- if $writer.enabled -}}
{{- if not (or $writer.kafka.clusterAddress $asked.kafka_cluster) }}
- writer.kafka.clusterAddress: is needed, unless butler_writer.kafka_cluster is set
{{- end -}}
{{- if .Values.instrument.name -}}
{{- if not $asked.enabled }}
- writer.enabled: the workers of this release do not use it; set butler_writer.enabled
{{- end -}}
{{- if and $writer.kafka.topic (ne $writer.kafka.topic $asked.kafka_topic) }}
- writer.kafka.topic: is {{ $writer.kafka.topic | quote }}, the workers write to {{ $asked.kafka_topic | quote }}
{{- end -}}
{{- if and $writer.outputRepo (ne (trimSuffix "/" $writer.outputRepo) (trimSuffix "/" .Values.instrument.centralRepo)) }}
- writer.outputRepo: is {{ $writer.outputRepo | quote }}, the workers' repository is {{ .Values.instrument.centralRepo | quote }}
{{- end -}}
{{- end -}}
{{- if and $writer.s3.aws_profile (not .Values.s3.cred_file_auth) }}
- writer.s3.aws_profile: needs s3.cred_file_auth, since the profile is in that file
{{- end -}}
{{- if and $writer.kafka.topic (eq $writer.kafka.topic $writer.kafka.outputTopic) }}
- writer.kafka.outputTopic: is the topic that the writer reads
{{- end -}}
{{- end -}}
{{- end }}
