{{- define "bench.labels" -}}
app.kubernetes.io/name: fsm-bench
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "bench.metadata" -}}
name: {{ .Release.Name }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "bench.labels" . | nindent 2 }}
{{- end }}

{{- define "bench.podMetadata" -}}
labels:
  {{- include "bench.labels" . | nindent 2 }}
annotations:
  flomesh.io/sidecar-injection: disabled
  openservicemesh.io/sidecar-injection: disabled
{{- end }}

{{- define "bench.command" -}}
{{- if .Values.command }}
{{- toYaml .Values.command }}
{{- else -}}
- npx
- --yes
- --package=@flomesh/fsm@{{ .Values.package | default .Chart.AppVersion }}
- fsm-bench
{{- end }}
{{- end }}

{{- define "bench.container" -}}
name: bench
image: {{ .Values.image }}
imagePullPolicy: {{ .Values.imagePullPolicy }}
command:
  {{- include "bench.command" . | nindent 2 }}
args:
  - {{ .Values.suite | quote }}
  - --output=/results/$(NODE_NAME)-$(POD_NAME)
  # A container that is started again goes on where the one before ended.
  - --continue
  {{- if .Values.results.configMap }}
  - --configmap={{ .Release.Namespace }}/{{ .Release.Name }}-$(NODE_NAME)
  - --label=app.kubernetes.io/instance={{ .Release.Name }}
  {{- end }}
  {{- range .Values.options }}
  - {{ . | quote }}
  {{- end }}
workingDir: /tmp
env:
  - name: NODE_NAME
    valueFrom: { fieldRef: { fieldPath: spec.nodeName } }
  - name: POD_NAME
    valueFrom: { fieldRef: { fieldPath: metadata.name } }
  - { name: HOME, value: /tmp }
  {{- range $name, $value := .Values.env }}
  - { name: {{ $name }}, value: {{ $value | quote }} }
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  # A capability counts for root alone unless the file has it too.
  runAsUser: {{ ternary 0 65534 .Values.realTime }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    {{- if .Values.realTime }}
    add: [SYS_NICE]
    {{- end }}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  - { name: results, mountPath: /results }
{{- end }}

{{- define "bench.pod" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: {{ .Values.results.configMap }}
securityContext:
  fsGroup: 65534
  seccompProfile: { type: RuntimeDefault }
nodeSelector:
  {{- toYaml .Values.nodeSelector | nindent 2 }}
tolerations:
  {{- toYaml .Values.tolerations | nindent 2 }}
volumes:
  - { name: tmp, emptyDir: {} }
  - name: results
    {{- if .Values.results.existingClaim }}
    persistentVolumeClaim: { claimName: {{ .Values.results.existingClaim }} }
    {{- else }}
    emptyDir: {}
    {{- end }}
{{- end }}
