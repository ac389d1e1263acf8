{{/* Volumes with credentials and with what workers and initializer read. */}}

{{/* databases' credentials must belong to the user and be readable by nobody else: a copy, made by the
same image as the same user. Call with root and image (its two lines). */}}
{{- define "pp.dbAuthInit" -}}
{{- if .root.Values.registry.dbAuth -}}
- name: init-db-auth
  {{- .image | nindent 2 }}
  command: [sh, -c, "umask 077 && cp -L /app/db-auth-mount/db-auth.yaml /app/lsst-credentials/"]
  resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 64Mi}}
  {{- include "pp.containerSecurity" .root | nindent 2 }}
  volumeMounts:
  - {name: db-auth-mount, mountPath: /app/db-auth-mount, readOnly: true}
  - {name: db-auth, mountPath: /app/lsst-credentials}
{{- end -}}
{{- end }}

{{- define "pp.credentialMounts" -}}
{{- if .Values.registry.dbAuth }}
- {name: db-auth, mountPath: /app/lsst-credentials, readOnly: true}
{{- end }}
{{- include "pp.s3Mount" . }}
{{- end }}

{{- define "pp.s3Mount" -}}
{{- if .Values.s3.cred_file_auth }}
- {name: s3-credentials, mountPath: /app/s3, readOnly: true}
{{- end }}
{{- end }}

{{- define "pp.credentialVolumes" -}}
{{- if .Values.registry.dbAuth }}
- name: db-auth-mount
  secret:
    secretName: {{ include "pp.secret" . }}
    defaultMode: 0440
    items: [{key: db-auth_file, path: db-auth.yaml}]
- name: db-auth
  emptyDir: {medium: Memory, sizeLimit: 64Ki}
{{- end }}
{{- include "pp.s3Volume" . }}
{{- end }}

{{- define "pp.s3Volume" -}}
{{- if .Values.s3.cred_file_auth }}
- name: s3-credentials
  secret:
    secretName: {{ include "pp.secret" . }}
    defaultMode: 0440
    items: [{key: s3_credentials_file, path: credentials}]
{{- end }}
{{- end }}

{{- define "pp.caMount" -}}
{{- if or .Values.ca.kafkaKey .Values.ca.redisKey .Values.ca.schemaRegistryKey }}
- {name: ca, mountPath: /app/ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "pp.caVolume" -}}
{{- if or .Values.ca.kafkaKey .Values.ca.redisKey .Values.ca.schemaRegistryKey }}
- name: ca
  secret:
    secretName: {{ include "pp.secret" . }}
    items:
    {{- with .Values.ca.kafkaKey }}
    - {key: {{ . | quote }}, path: kafka.pem}
    {{- end }}
    {{- with .Values.ca.redisKey }}
    - {key: {{ . | quote }}, path: redis.pem}
    {{- end }}
    {{- with .Values.ca.schemaRegistryKey }}
    - {key: {{ . | quote }}, path: schema-registry.pem}
    {{- end }}
{{- end }}
{{- end }}

{{/* The camera, where it comes by a value. */}}
{{- define "pp.cameraMount" -}}
{{- if .Values.instrument.camera }}
- {name: camera, mountPath: /etc/prompt-processing/camera, readOnly: true}
{{- end }}
{{- end }}

{{- define "pp.cameraVolume" -}}
{{- if .Values.instrument.camera }}
- name: camera
  configMap: {name: {{ include "pp.cameraMap" . }}}
{{- end }}
{{- end }}

{{/* An observatory's own pipelines, where its values name them. */}}
{{- define "pp.pipelinesMount" -}}
{{- if .Values.instrument.pipelines.volume }}
- {name: pipelines, mountPath: /srv/prompt-processing/pipelines, readOnly: true}
{{- end }}
{{- end }}

{{- define "pp.pipelinesVolume" -}}
{{- with .Values.instrument.pipelines.volume }}
- name: pipelines
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The repositories' configurations, where they come by the secret. Call with root and reads. */}}
{{- define "pp.repositoryMounts" -}}
{{- if .root.Values.registry.centralRepoFile }}
- {name: central-repo-file, mountPath: {{ .root.Values.instrument.centralRepo | quote }}, readOnly: true}
{{- if and .reads .root.Values.instrument.readRepo }}
- {name: read-repo-file, mountPath: {{ .root.Values.instrument.readRepo | quote }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{- define "pp.repositoryVolumes" -}}
{{- if .root.Values.registry.centralRepoFile }}
- name: central-repo-file
  secret:
    secretName: {{ include "pp.secret" .root }}
    defaultMode: 0440
    items: [{key: central_repo_file, path: butler.yaml}]
{{- if and .reads .root.Values.instrument.readRepo }}
- name: read-repo-file
  secret:
    secretName: {{ include "pp.secret" .root }}
    defaultMode: 0440
    items: [{key: read_repo_file, path: butler.yaml}]
{{- end }}
{{- end }}
{{- end }}
