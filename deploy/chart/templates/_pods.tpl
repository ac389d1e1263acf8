{{/* What the pods of all components have in common. */}}

{{/* Environment variables. Call with root and vars: from name to text, or to {secret: key}. */}}
{{- define "pp.env" -}}
{{- $root := .root -}}
{{- if hasKey .vars "Error" }}{{ fail .vars.Error }}{{ end -}}
{{- range $name, $value := .vars }}
- name: {{ $name }}
{{- if kindIs "map" $value }}
  valueFrom:
    secretKeyRef:
      name: {{ include "pp.secret" $root }}
      key: {{ $value.secret }}
{{- else }}
  value: {{ $value | toString | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{/* Adds extra variables to those of the chart. Call with vars, extra and path. */}}
{{- define "pp.merged" -}}
{{- $vars := .vars -}}
{{- range $name, $value := .extra -}}
{{- if hasKey $vars $name -}}
{{- fail (printf "%s.%s: is set by the chart already, from another value" $.path $name) -}}
{{- end -}}
{{- $_ := set $vars $name ($value | toString) -}}
{{- end -}}
{{- toYaml $vars -}}
{{- end }}

{{- define "pp.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.runAsUser }}
  runAsGroup: {{ .Values.runAsUser }}
  fsGroup: {{ .Values.runAsUser }}
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pp.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Where a pod may run. Call with the values that hold the three. */}}
{{- define "pp.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Affinity as it was said, else replicas on different nodes if there are as many. */}}
{{- define "pp.spread" -}}
affinity:
{{- with .values.affinity }}
{{- toYaml . | nindent 2 }}
{{- else }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "pp.selector" . | nindent 12 }}
{{- end }}
{{- end }}

{{/* While a pod starts, on a node where hundreds do, nothing but this probe looks at it. */}}
{{- define "pp.startupProbe" -}}
periodSeconds: 2
timeoutSeconds: 6
failureThreshold: 150
{{- end }}

{{- define "pp.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  {{- include "pp.startupProbe" . | nindent 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 6
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 6
{{- end }}

{{/* The resources as the older charts name them. */}}
{{- define "pp.resources" -}}
requests: {cpu: {{ .cpuRequest | toString | quote }}, memory: {{ .memoryRequest | toString | quote }}}
limits: {cpu: {{ .cpuLimit | toString | quote }}, memory: {{ .memoryLimit | toString | quote }}}
{{- end }}

{{/* Requests and limits, each quantity as text. */}}
{{- define "pp.quantities" -}}
{{- range $kind, $amounts := . }}
{{ $kind }}:
{{- range $name, $amount := $amounts }}
  {{ $name }}: {{ $amount | toString | quote }}
{{- else }} {}
{{- end }}
{{- end }}
{{- end }}
