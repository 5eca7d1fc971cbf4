/**
 * Field numbers of the messages that `kubectl create` and its like send as protobuf (`generated.proto` in k8s.io/api
 * and k8s.io/apimachinery). One string a message: `number name type`, where type is `string`, `int`, `bool`, `bytes`
 * (base64 in JSON), `-` (left out) or a message; `[]` is repeated, `{}` a map by string; `?` keeps a zero, which
 * elsewhere means absent.
 */
export const messages: Readonly<Record<string, string>> = {
  ObjectMeta:
    '1 name string, 2 generateName string, 3 namespace string, 4 selfLink -, 5 uid string, 6 resourceVersion string, ' +
    '7 generation -, 8 creationTimestamp -, 9 deletionTimestamp -, 10 deletionGracePeriodSeconds -, 11 labels string{}, ' +
    '12 annotations string{}, 13 ownerReferences OwnerReference[], 14 finalizers string[], 17 managedFields -',
  OwnerReference:
    '1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller bool?, 7 blockOwnerDeletion bool?',
  LabelSelector: '1 matchLabels string{}, 2 matchExpressions LabelSelectorRequirement[]',
  LabelSelectorRequirement: '1 key string, 2 operator string, 3 values string[]',
  DeleteOptions:
    '1 gracePeriodSeconds int?, 2 preconditions Preconditions, 3 orphanDependents bool?, 4 propagationPolicy string, 5 dryRun string[]',
  Preconditions: '1 uid string, 2 resourceVersion string',
  Namespace: '1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status -',
  NamespaceSpec: '1 finalizers string[]',
  ConfigMap: '1 metadata ObjectMeta, 2 data string{}, 3 binaryData bytes{}, 4 immutable bool?',
  Secret: '1 metadata ObjectMeta, 2 data bytes{}, 3 type string, 4 stringData string{}, 5 immutable bool?',
  ServiceAccount:
    '1 metadata ObjectMeta, 2 secrets LocalObjectReference[], 3 imagePullSecrets LocalObjectReference[], ' +
    '4 automountServiceAccountToken bool?',
  LocalObjectReference: '1 name string',
  Service: '1 metadata ObjectMeta, 2 spec ServiceSpec, 3 status -',
  ServiceSpec:
    '1 ports ServicePort[], 2 selector string{}, 3 clusterIP string, 4 type string, 7 sessionAffinity string, ' +
    '10 externalName string, 11 externalTrafficPolicy string, 13 publishNotReadyAddresses bool, 18 clusterIPs string[], ' +
    '22 internalTrafficPolicy string',
  ServicePort:
    '1 name string, 2 protocol string, 3 port int, 4 targetPort IntOrString, 5 nodePort int, 6 appProtocol string',
  IntOrString: '1 type int, 2 intVal int, 3 strVal string',
  Quantity: '1 string string',
  Deployment: '1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status -',
  DeploymentSpec:
    '1 replicas int?, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, ' +
    '5 minReadySeconds int, 6 revisionHistoryLimit int?, 7 paused bool, 9 progressDeadlineSeconds int?',
  DeploymentStrategy: '1 type string, 2 rollingUpdate RollingUpdateDeployment',
  RollingUpdateDeployment: '1 maxUnavailable IntOrString, 2 maxSurge IntOrString',
  PodTemplateSpec: '1 metadata ObjectMeta, 2 spec PodSpec',
  PodSpec:
    '2 containers Container[], 3 restartPolicy string, 4 terminationGracePeriodSeconds int?, 6 dnsPolicy string, ' +
    '8 serviceAccountName string, 9 serviceAccount string, 10 nodeName string, 14 securityContext -, ' +
    '19 schedulerName string, 20 initContainers Container[]',
  Container:
    '1 name string, 2 image string, 3 command string[], 4 args string[], 5 workingDir string, 6 ports ContainerPort[], ' +
    '7 env EnvVar[], 8 resources ResourceRequirements, 13 terminationMessagePath string, 14 imagePullPolicy string, ' +
    '20 terminationMessagePolicy string',
  ContainerPort: '1 name string, 2 hostPort int, 3 containerPort int, 4 protocol string, 5 hostIP string',
  EnvVar: '1 name string, 2 value string',
  ResourceRequirements: '1 limits Quantity{}, 2 requests Quantity{}',
  TokenRequest: '1 metadata ObjectMeta, 2 spec TokenRequestSpec, 3 status -',
  TokenRequestSpec: '1 audiences string[], 3 boundObjectRef BoundObjectReference, 4 expirationSeconds int?',
  BoundObjectReference: '1 kind string, 2 apiVersion string, 3 name string, 4 uid string',
  TokenReview: '1 metadata ObjectMeta, 2 spec TokenReviewSpec, 3 status -',
  TokenReviewSpec: '1 token string, 2 audiences string[]',
  SelfSubjectReview: '1 metadata ObjectMeta, 2 status -',
  SelfSubjectAccessReview: '1 metadata ObjectMeta, 2 spec -, 3 status -',
  Unknown: '1 typeMeta TypeMeta, 2 raw bytes, 3 contentEncoding string, 4 contentType string',
  TypeMeta: '1 apiVersion string, 2 kind string',
};
