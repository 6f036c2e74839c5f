{{- define "image-credential-binding.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /*
Of all that the release makes in namespaces. A Job's name has 63 characters at most, and "-release" takes 8 of them; that of a
release has 53, so it is never cut.
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

{{- /* Of what is in no namespace: releases in several namespaces may have one name. */}}
{{- define "image-credential-binding.clusterName" -}}
{{- $name := include "image-credential-binding.fullname" . }}
{{- if eq $name .Release.Namespace }}
{{- $name }}
{{- else }}
{{- /* A namespace has no dot in its name, so these never meet. */}}
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

{{- /* Metadata of the pods of the Deployment, and of the Job that runs at uninstall. */}}
{{- define "image-credential-binding.podMetadata" -}}
labels:
  {{- $own := include "image-credential-binding.labels" . | fromYaml }}
  {{- toYaml (merge $own .Values.podLabels) | nindent 2 }}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What both have in common in their spec: where the controller may run, the Job may. */}}
{{- define "image-credential-binding.podSpec" -}}
automountServiceAccountToken: true
# A Service of any name would otherwise add variables, and settings are read from variables too.
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

{{- /* And of their container. */}}
{{- define "image-credential-binding.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}

{{- /*
By itself, Node 24 lets the heap grow to 256 MiB or more, whatever the container's limit: the kernel then kills it without a
word. So it collects garbage in time, and says so where that does not suffice. What is young it would give 128 MiB besides: it
gets 16, twice the size of a semi-space.
*/}}
{{- define "image-credential-binding.nodeOptions" -}}
- name: NODE_OPTIONS
  value: --max-old-space-size-percentage=60 --max-semi-space-size=8
{{- end }}
