{{- define "image-credential-binding.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /*
The name of all namespaced objects of the release. A Job's name has at most 63 characters, and "-register" takes 9 of them.
The name of a release has at most 53, so it is never truncated.
*/}}
{{- define "image-credential-binding.fullname" -}}
{{- $name := include "image-credential-binding.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 54 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /*
The name of all cluster-scoped objects. It contains the namespace, because releases in different namespaces may have the
same name.
*/}}
{{- define "image-credential-binding.clusterName" -}}
{{- $name := include "image-credential-binding.fullname" . }}
{{- if eq $name .Release.Namespace }}
{{- $name }}
{{- else }}
{{- /* The name of a namespace contains no dot, so these names never collide. */}}
{{- printf "%s.%s" .Release.Namespace $name }}
{{- end }}
{{- end }}

{{- define "image-credential-binding.selectorLabels" -}}
app.kubernetes.io/name: {{ include "image-credential-binding.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "image-credential-binding.labels" -}}
{{ include "image-credential-binding.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The pod metadata of the Deployment and of the Jobs. */}}
{{- define "image-credential-binding.podMetadata" -}}
labels:
  {{- $own := include "image-credential-binding.labels" . | fromYaml }}
  {{- toYaml (merge $own .Values.podLabels) | nindent 2 }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The pod spec that they share, so that the Jobs can run wherever the controller can. */}}
{{- define "image-credential-binding.podSpec" -}}
automountServiceAccountToken: true
# Otherwise, each Service would add environment variables, from which the controller also reads settings.
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The container spec that they share. */}}
{{- define "image-credential-binding.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}

{{- /*
By default, Node 24 lets the heap grow to 256 MiB or more, regardless of the container's memory limit, until the kernel
kills the process without a message. With a limit on the heap, Node collects garbage in time, and logs an error if memory
does not suffice. By default, the young generation could take another 128 MiB. This setting limits it to 16 MiB, twice the
size of a semi-space.
*/}}
{{- define "image-credential-binding.nodeOptions" -}}
- name: NODE_OPTIONS
  value: --max-old-space-size-percentage=60 --max-semi-space-size=8
{{- end }}
