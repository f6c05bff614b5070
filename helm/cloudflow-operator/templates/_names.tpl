{{/* The operator's own names are fixed: one Lease, one ConfigMap, and so one operator in a namespace. */}}

{{- define "cloudflow-operator.selector" -}}
app.kubernetes.io/name: cloudflow-operator
{{- end }}

{{- define "cloudflow-operator.labels" -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- $own := dict
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/name" "cloudflow-operator"
  "app.kubernetes.io/version" .Chart.AppVersion
  "helm.sh/chart" $chart }}
{{- merge $own .Values.labels | toYaml }}
{{- end }}

{{- define "cloudflow-operator.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of each namespace, the Kafka clusters of whose Secrets it may have copies; JSON. */}}
{{- define "cloudflow-operator.copies" -}}
{{- $copies := dict }}
{{- range $name, $cluster := .Values.kafkaClusters }}
{{- range $cluster.allowedNamespaces }}
{{- $_ := set $copies . (append (get $copies . | default list) $name) }}
{{- end }}
{{- end }}
{{- toJson $copies }}
{{- end }}
