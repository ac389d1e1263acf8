{{/* Names and labels. */}}

{{- define "pp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "pp.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "pp.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "pp.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "pp.secret" -}}
{{- default (printf "%s-secret" (include "pp.fullname" .)) .Values.secrets.name -}}
{{- end }}

{{- define "pp.secretSource" -}}
{{- default (or .Values.secrets.vaultPath .Values.global.vaultSecretsPath | empty | ternary "plain" "vault") .Values.secrets.source -}}
{{- end }}

{{/* Call with root and component. */}}
{{- define "pp.selector" -}}
app.kubernetes.io/name: {{ include "pp.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "pp.labels" -}}
{{ include "pp.selector" . }}
app.kubernetes.io/part-of: prompt-processing
app.kubernetes.io/version: {{ include "pp.tag" .root | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- if .root.Values.instrument.name }}
instrument: {{ .root.Values.instrument.name | lower }}
{{- end }}
{{- end }}

{{/* The label of service and initializer. */}}
{{- define "pp.tag" -}}
{{- default .Chart.AppVersion .Values.image.tag -}}
{{- end }}

{{/* Image and pull policy of a shared service, which may differ. Call with root and image. */}}
{{- define "pp.image" -}}
image: {{ printf "%s:%s" (default .root.Values.image.repository .image.repository) (default (include "pp.tag" .root) .image.tag) | quote }}
imagePullPolicy: {{ default .root.Values.image.pullPolicy .image.pullPolicy }}
{{- end }}

{{- define "pp.streamHost" -}}
{{- .Values.keda.redisStreams.host -}}
{{- end }}

{{- define "pp.withPort" -}}
{{- if contains ":" . }}{{ . }}{{ else }}{{ . }}:6379{{ end -}}
{{- end }}

{{- define "pp.microservice" -}}
{{- if .Values.raw_microservice -}}
{{- .Values.raw_microservice -}}
{{- else if .Values.presence.enabled -}}
http://{{ include "pp.fullname" . }}-presence:{{ .Values.presence.port }}/presence
{{- end -}}
{{- end }}

{{/* Name of the camera's ConfigMap: it follows the text, so that what runs keeps what it began with. */}}
{{- define "pp.cameraMap" -}}
{{ include "pp.fullname" . }}-camera-{{ .Values.instrument.camera | sha256sum | trunc 8 }}
{{- end }}
