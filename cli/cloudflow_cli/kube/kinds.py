"""The kinds of objects that commands ask for, beside those of the operator.

The first is spelled here again, since the types that define it take a tenth of a second to import.
"""

from __future__ import annotations

from typing import Final

from cloudflow_operator.interfaces import Kind
from cloudflow_operator.names import GROUP

APPLICATION: Final = Kind(f"{GROUP}/v1alpha1", "CloudflowApplication", "cloudflowapplications")
AUTOSCALER: Final = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
CLAIM: Final = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
DEFINITION: Final = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions"
)
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
SECRET: Final = Kind("v1", "Secret", "secrets")

REVIEW: Final = Kind("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews")
OWN_REVIEW: Final = Kind(
    "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"
)
