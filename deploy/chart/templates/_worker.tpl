{{/* Pods of worker and initializer: the same label, the same settings. */}}

{{- define "pp.serviceImage" -}}
image: {{ printf "%s:%s" .Values.image.repository (include "pp.tag" .) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "pp.initializerImage" -}}
image: {{ printf "%s:%s" .Values.initializer.image.repository (include "pp.tag" .) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "pp.workerPod" -}}
metadata:
  annotations:
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels: {{- include "pp.labels" (dict "root" . "component" "worker") | nindent 4 }}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: {{ add (mul 2 .Values.worker.grace_period) .Values.worker.shutdown_margin }}
  {{- with .Values.worker.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- include "pp.podSecurity" . | nindent 2 }}
  {{- with .Values.hostAliases }}
  hostAliases: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- include "pp.placement" .Values | nindent 2 }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "pp.dbAuthInit" (dict "root" . "image" (include "pp.serviceImage" .)) }}
  initContainers: {{- . | nindent 2 }}
  {{- end }}
  containers:
  - name: worker
    {{- include "pp.serviceImage" . | nindent 4 }}
    args: [worker]
    env: {{- include "pp.env.worker" . | nindent 4 }}
    ports: [{name: metrics, containerPort: 8000}]
    {{- include "pp.probes" . | nindent 4 }}
    {{- include "pp.containerSecurity" . | nindent 4 }}
    resources: {{- include "pp.quantities" .Values.resources | nindent 6 }}
    volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: ephemeral, mountPath: /tmp-butler}
    {{- include "pp.credentialMounts" . | nindent 4 }}
    {{- include "pp.caMount" . | nindent 4 }}
    {{- include "pp.cameraMount" . | nindent 4 }}
    {{- include "pp.pipelinesMount" . | nindent 4 }}
    {{- include "pp.repositoryMounts" (dict "root" . "reads" true) | nindent 4 }}
    {{- with .Values.additionalVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
  - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
  - {name: ephemeral, emptyDir: {sizeLimit: {{ .Values.keda.ephemeralStorageLimit }}}}
  {{- include "pp.credentialVolumes" . | nindent 2 }}
  {{- include "pp.caVolume" . | nindent 2 }}
  {{- include "pp.cameraVolume" . | nindent 2 }}
  {{- include "pp.pipelinesVolume" . | nindent 2 }}
  {{- include "pp.repositoryVolumes" (dict "root" . "reads" true) | nindent 2 }}
  {{- with .Values.additionalVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Of the hook and of the daily job. Exit code 2 means wrong settings, which no attempt mends. */}}
{{- define "pp.initializerJob" -}}
backoffLimit: {{ .Values.initializer.retries }}
ttlSecondsAfterFinished: {{ .Values.initializer.cleanup_delay }}
podFailurePolicy:
  rules:
  - action: Ignore
    onPodConditions: [{type: DisruptionTarget, status: "True"}]
  - action: FailJob
    onExitCodes: {containerName: initializer, operator: In, values: [2]}
template:
  metadata:
    {{- with .Values.initializer.podAnnotations }}
    annotations: {{- toYaml . | nindent 6 }}
    {{- end }}
    labels: {{- include "pp.labels" (dict "root" . "component" "initializer") | nindent 6 }}
  spec:
    restartPolicy: Never
    activeDeadlineSeconds: {{ .Values.initializer.timeout }}
    {{- include "pp.podSecurity" . | nindent 4 }}
    {{- include "pp.placement" .Values | nindent 4 }}
    {{- with .Values.affinity }}
    affinity: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with include "pp.dbAuthInit" (dict "root" . "image" (include "pp.initializerImage" .)) }}
    initContainers: {{- . | nindent 4 }}
    {{- end }}
    containers:
    - name: initializer
      {{- include "pp.initializerImage" . | nindent 6 }}
      args: [initialize{{ if .Values.initializer.registerDatasetTypes }}, --register-dataset-types{{ end }}]
      env: {{- include "pp.env.initializer" . | nindent 6 }}
      {{- include "pp.containerSecurity" . | nindent 6 }}
      resources: {{- include "pp.resources" .Values.initializer.resources | nindent 8 }}
      volumeMounts:
      - {name: tmp, mountPath: /tmp}
      {{- include "pp.credentialMounts" . | nindent 6 }}
      {{- include "pp.cameraMount" . | nindent 6 }}
      {{- include "pp.pipelinesMount" . | nindent 6 }}
      {{- include "pp.repositoryMounts" (dict "root" . "reads" false) | nindent 6 }}
      {{- with .Values.additionalVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    volumes:
    - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
    {{- include "pp.credentialVolumes" . | nindent 4 }}
    {{- include "pp.cameraVolume" . | nindent 4 }}
    {{- include "pp.pipelinesVolume" . | nindent 4 }}
    {{- include "pp.repositoryVolumes" (dict "root" . "reads" false) | nindent 4 }}
    {{- with .Values.additionalVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
