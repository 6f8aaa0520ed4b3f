{{- define "provision-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "provision-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "provision-operator.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "provision-operator.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "provision-operator.selector" -}}
app.kubernetes.io/name: {{ include "provision-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "provision-operator.labels" -}}
{{ include "provision-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Pods of the clean-up and of tests: none of the Deployment's, but under the same NetworkPolicy. */}}
{{- define "provision-operator.taskName" -}}
{{- include "provision-operator.name" . | trunc 58 | trimSuffix "-" -}}-task
{{- end -}}

{{- define "provision-operator.taskLabels" -}}
app.kubernetes.io/name: {{ include "provision-operator.taskName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The flags that the operator and the clean-up share. */}}
{{- define "provision-operator.args" -}}
- --provider={{ .Values.provider }}
- --region={{ .Values.region }}
- --zone={{ .Values.zone }}
- --plan={{ .Values.plan }}
- --project-id={{ .Values.projectID }}
- --subscription-id={{ .Values.subscriptionID }}
- --organization-id={{ .Values.organizationID }}
- --vpc-id={{ .Values.vpcId }}
- --subnet-id={{ .Values.subnetId }}
{{- with .Values.accessKeyFile }}
- --access-key-file={{ . }}
{{- end }}
{{- with .Values.secretKeyFile }}
- --secret-key-file={{ . }}
{{- end }}
{{- if .Values.license }}
- --license-file=/var/secrets/inlets-license/license
{{- end }}
- --client-image={{ .Values.inletsClient.image }}
- --inlets-release={{ .Values.inletsRelease }}
- --max-client-memory={{ .Values.maxClientMemory }}
- --annotated-only={{ .Values.annotatedOnly }}
{{- with .Values.watchNamespace }}
- --watch-namespace={{ . }}
{{- end }}
{{- with .Values.tunnelSelector }}
- --tunnel-selector={{ . }}
{{- end }}
{{- range .Values.tenantEndpoints }}
- --tenant-endpoint={{ . }}
{{- end }}
{{- with .Values.allowAdditional }}
- --allow-additional={{ join "," . }}
{{- end }}
{{- if .Values.adoptUnmarked }}
- --adopt-unmarked
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "provision-operator.env" -}}
- name: NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{- define "provision-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{- define "provision-operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "provision-operator.mounts" -}}
{{- if .Values.accessKeyFile }}
- name: inlets-access-key
  mountPath: /var/secrets/inlets/
  readOnly: true
{{- end }}
{{- if .Values.secretKeyFile }}
- name: inlets-secret-key
  mountPath: /var/secrets/inlets/secret/
  readOnly: true
{{- end }}
{{- if .Values.license }}
- name: inlets-license
  mountPath: /var/secrets/inlets-license/
  readOnly: true
{{- end }}
{{- end -}}

{{- define "provision-operator.volumes" -}}
{{- if .Values.accessKeyFile }}
- name: inlets-access-key
  secret:
    secretName: inlets-access-key
    defaultMode: 0440
{{- end }}
{{- if .Values.secretKeyFile }}
- name: inlets-secret-key
  secret:
    secretName: inlets-secret-key
    defaultMode: 0440
{{- end }}
{{- if .Values.license }}
- name: inlets-license
  secret:
    secretName: inlets-license
    defaultMode: 0440
{{- end }}
{{- end -}}

{{/* Where pods may run; empty for anywhere. */}}
{{- define "provision-operator.scheduling" -}}
{{- range $name := list "nodeSelector" "affinity" "tolerations" -}}
{{- with get $.Values $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
{{- end -}}
