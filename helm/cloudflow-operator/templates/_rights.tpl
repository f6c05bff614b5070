{{/* Made by `make chart`; do not edit. `rights.py` says what is granted. */}}

{{- define "cloudflow-operator.rules.applications" -}}
# to know what shall run
- apiGroups:
  - cloudflow.dev
  resources:
  - cloudflowapplications
  verbs:
  - get
  - list
  - watch
# to add and remove the finalizer that deletes topics
- apiGroups:
  - cloudflow.dev
  resources:
  - cloudflowapplications
  verbs:
  - patch
# to tell how it is
- apiGroups:
  - cloudflow.dev
  resources:
  - cloudflowapplications/status
  verbs:
  - patch
# to own children where OwnerReferencesPermissionEnforcement is on, as on OpenShift
- apiGroups:
  - cloudflow.dev
  resources:
  - cloudflowapplications/finalizers
  verbs:
  - update
# to keep children
- apiGroups:
  - ''
  resources:
  - configmaps
  - serviceaccounts
  - services
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
# to keep children
- apiGroups:
  - apps
  resources:
  - deployments
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
# to keep children
- apiGroups:
  - policy
  resources:
  - poddisruptionbudgets
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
# to know which configurations are in use, and quotas
- apiGroups:
  - apps
  resources:
  - replicasets
  verbs:
  - list
  - watch
# to tell how pods are
- apiGroups:
  - ''
  resources:
  - pods
  verbs:
  - list
  - watch
# to tell people what happened
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - get
  - create
  - patch
{{- end }}

{{- define "cloudflow-operator.rules.copies" -}}
# to copy the client properties of a Kafka cluster
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - create
  - patch
  resourceNames:
  {{- range . }}
  - cloudflow-kafka-{{ . }}
  {{- end }}
{{- end }}

{{- define "cloudflow-operator.rules.own" -}}
# to stand for election
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
# to lead
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - update
  resourceNames:
  - cloudflow-operator
# to tell the command line about the operator
- apiGroups:
  - ''
  resources:
  - configmaps
  verbs:
  - get
  - create
  - patch
  resourceNames:
  - cloudflow-operator
# to know the Kafka clusters
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - list
  - watch
{{- end }}
