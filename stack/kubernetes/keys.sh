# The cluster's authority, certificates and kubeconfigs, made once. Sourced by up.
# shellcheck shell=bash

certificate() { # FILE COMMON-NAME [ORGANIZATION] [SUBJECT-ALTERNATIVE-NAMES]
  [ -s "$PKI/$1.crt" ] && return 0
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key" 2>/dev/null
  openssl req -new -key "$PKI/$1.key" -subj "${3:+/O=$3}/CN=$2" -out "$PKI/$1.csr"
  printf 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n%s\n' \
    "${4:+subjectAltName=$4}" >"$PKI/$1.ext"
  openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 \
    -extfile "$PKI/$1.ext" -out "$PKI/$1.crt" 2>/dev/null
  rm -f "$PKI/$1.csr" "$PKI/$1.ext"
}

kubeconfig() { # NAME CERTIFICATE
  cat >"$K8S_DIR/$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
current-context: kuryr-stack
clusters: [{name: kuryr-stack, cluster: {server: "$API", certificate-authority: "$PKI/ca.crt"}}]
users: [{name: $2, user: {client-certificate: "$PKI/$2.crt", client-key: "$PKI/$2.key"}}]
contexts: [{name: kuryr-stack, context: {cluster: kuryr-stack, user: $2}}]
Y
}

make_keys() {
  if [ ! -s "$PKI/ca.crt" ]; then
    openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/ca.key" 2>/dev/null
    openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=kuryr-stack-ca -days 3650 -out "$PKI/ca.crt"
  fi
  [ -s "$PKI/sa.key" ] || openssl genrsa -out "$PKI/sa.key" 2048 2>/dev/null
  local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  certificate apiserver kube-apiserver "" "$names,IP:127.0.0.1,IP:$API_ADDRESS,IP:${SERVICE_CIDR%.*}.1"
  certificate admin admin system:masters
  certificate controller-manager system:kube-controller-manager
  certificate scheduler system:kube-scheduler
  certificate kubelet-client kube-apiserver system:masters
  kubeconfig admin admin
  kubeconfig controller-manager controller-manager
  kubeconfig scheduler scheduler
}
