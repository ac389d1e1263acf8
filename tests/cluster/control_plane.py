"""What a cluster is without its nodes: etcd, the API server, and the controllers, KEDA's among them."""

import os
import shutil
import subprocess

from tests.cluster.binaries import CRDS, Binaries, module_folder
from tests.cluster.kubernetes import Kubernetes, wait_for
from tests.cluster.namespaces import ADDRESS
from tests.cluster.programs import Programs

__all__ = ["SERVICES", "define", "start_control_plane", "start_keda"]

SERVICES = "10.68.0.0/16"
_START_SECONDS = 90.0


def start_control_plane(programs: Programs, binaries: Binaries, cluster: Kubernetes) -> None:
    """Start etcd, API server, controller manager and scheduler; returns when the server answers."""
    folder = cluster.folder
    etcd = {
        "data-dir": str(folder / "etcd"),
        "listen-client-urls": "http://127.0.0.1:2379",
        "advertise-client-urls": "http://127.0.0.1:2379",
        "listen-peer-urls": "http://127.0.0.1:2380",
        # What the trial knows may be lost with it.
        "unsafe-no-fsync": "true",
    }
    programs.start("etcd", "etcd", *_flags(etcd))
    (folder / "tokens").write_text(f"{cluster.token},trial,trial,system:masters\n")
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
    server = {
        "etcd-servers": "http://127.0.0.1:2379",
        "bind-address": "127.0.0.1",
        "advertise-address": ADDRESS,
        "cert-dir": str(folder / "certificates"),
        "authorization-mode": "RBAC",
        "token-auth-file": str(folder / "tokens"),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "service-cluster-ip-range": SERVICES,
        "endpoint-reconciler-type": "none",
        "kubelet-preferred-address-types": "InternalIP",
        "allow-privileged": "false",
    }
    programs.start("kube-apiserver", binaries.path("kube-apiserver"), *_flags(server))
    wait_for("the API server", cluster.is_ready, _START_SECONDS)
    common = {"kubeconfig": str(cluster.config), "leader-elect": "false"}
    manager = {
        **common,
        "service-account-private-key-file": str(key),
        "bind-address": "127.0.0.1",
    }
    programs.start("kube-controller-manager", binaries.path("kube-controller-manager"), *_flags(manager))
    programs.start(
        "kube-scheduler", binaries.path("kube-scheduler"), *_flags({**common, "bind-address": "127.0.0.1"})
    )


def define(cluster: Kubernetes) -> None:
    """Make the chart's custom resources known, and wait until they are served."""
    folders = [module_folder(*name.split("@")) / part for name, part in CRDS.items()]
    files = [str(file) for folder in folders for file in sorted(folder.glob("*_*.yaml"))]
    # Created, not applied: the definitions are longer than an annotation may be.
    cluster.kubectl("create", *(f"--filename={file}" for file in files))
    wait = ("wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=90s")
    cluster.kubectl(*wait)


def start_keda(programs: Programs, binaries: Binaries, cluster: Kubernetes) -> None:
    """Start KEDA's operator; its definitions must be there."""
    env = {
        **os.environ,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": "keda",
        "POD_NAMESPACE": "keda",
        "POD_NAME": "keda-operator",
        "OPERATOR_NAME": "keda-operator",
        "WATCH_NAMESPACE": "",
        "KUBECONFIG": str(cluster.config),
    }
    cluster.create("/api/v1/namespaces", {"metadata": {"name": "keda"}})
    # For its metrics server, which ScaledJobs do not need.
    certificates = cluster.folder / "keda-certificates"
    certificates.mkdir()
    key, certificate = certificates / "tls.key", certificates / "tls.crt"
    made = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=keda-operator"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(certificate, certificates / "ca.crt")
    options = {
        "kubeconfig": str(cluster.config),
        "leader-elect": "false",
        "cert-dir": str(certificates),
        "metrics-bind-address": "127.0.0.1:8180",
        "health-probe-bind-address": "127.0.0.1:8181",
        "metrics-service-bind-address": "127.0.0.1:9666",
    }
    programs.start("keda", binaries.path("keda"), *_flags(options), env=env)


def _flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
