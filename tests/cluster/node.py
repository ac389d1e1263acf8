"""The cluster's one node: containerd, kubelet, kube-proxy, CoreDNS, and kube-router for NetworkPolicies."""

import json
import resource
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.cluster.binaries import Binaries
from tests.cluster.control_plane import SERVICES
from tests.cluster.kubernetes import Kubernetes, wait_for
from tests.cluster.namespaces import ADDRESS
from tests.cluster.programs import Programs

__all__ = ["NODE", "load_images", "start_node", "tag_image"]

NODE = "node"
_PODS = "10.66.0.0/16"
_PAUSE = "localhost/pause:trial"
_SOCKET = "/run/containerd/containerd.sock"
_START_SECONDS = 120.0

_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""
_COREFILE = """\
. {{
    bind {address} 127.0.0.1
    errors
    kubernetes cluster.local {{
        kubeconfig {config} trial
    }}
}}
"""


def start_node(programs: Programs, binaries: Binaries, cluster: Kubernetes, images: Sequence[Path]) -> None:
    """Start the node; returns when Kubernetes calls it ready."""
    folder = cluster.folder
    _start_containerd(programs, folder)
    load_images(images)
    corefile = folder / "Corefile"
    corefile.write_text(_COREFILE.format(address=ADDRESS, config=cluster.config))
    programs.start("coredns", binaries.path("coredns"), "-conf", str(corefile))
    _start_kubelet(programs, binaries, cluster)
    wait_for("the node", lambda: _is_ready(cluster), _START_SECONDS)
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": ADDRESS,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": str(cluster.config)},
        "clusterCIDR": _PODS,
        "mode": "iptables",
        "hostnameOverride": NODE,
        # Of the machine, not of the namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    }
    file = _write(folder / "kube-proxy.yaml", proxy)
    programs.start("kube-proxy", binaries.path("kube-proxy"), f"--config={file}")
    router = {
        "kubeconfig": str(cluster.config),
        "hostname-override": NODE,
        "run-router": "false",
        "run-service-proxy": "false",
        "run-firewall": "true",
        "run-loadbalancer": "false",
        "service-cluster-ip-range": SERVICES,
        "health-port": "0",
        "iptables-sync-period": "5s",
    }
    programs.start(
        "kube-router", binaries.path("kube-router"), *(f"--{name}={value}" for name, value in router.items())
    )


def _start_containerd(programs: Programs, folder: Path) -> None:
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": _PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(folder / "addresses"),
        },
    }
    network = {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}
    (folder / "cni").mkdir()
    (folder / "cni" / "pods.conflist").write_text(json.dumps(network))
    config = folder / "containerd.toml"
    config.write_text(_CONTAINERD.format(folder=folder, socket=_SOCKET, pause=_PAUSE))
    programs.start("containerd", "containerd", "--config", str(config))
    wait_for("containerd", lambda: _ctr("version", check=False) == 0, _START_SECONDS)


def _start_kubelet(programs: Programs, binaries: Binaries, cluster: Kubernetes) -> None:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "readOnlyPort": 0,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "makeIPTablesUtilChains": False,
        "containerRuntimeEndpoint": f"unix://{_SOCKET}",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "maxOpenFiles": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "oomScoreAdj": 0,
        "clusterDNS": [ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "syncFrequency": "10s",
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    }
    file = _write(cluster.folder / "kubelet.yaml", config)
    programs.start(
        "kubelet",
        binaries.path("kubelet"),
        f"--config={file}",
        f"--kubeconfig={cluster.config}",
        f"--root-dir={cluster.folder / 'kubelet'}",
        f"--cert-dir={cluster.folder / 'kubelet-certificates'}",
        f"--hostname-override={NODE}",
        f"--node-ip={ADDRESS}",
    )


def load_images(archives: Sequence[Path]) -> None:
    """Give images to the node's store."""
    for archive in archives:
        _ctr("images", "import", str(archive))


def tag_image(old: str, new: str) -> None:
    """Give an image a second name."""
    _ctr("images", "tag", old, new)


def _ctr(*words: str, check: bool = True) -> int:
    command = ["ctr", "--address", _SOCKET, "--namespace", "k8s.io", *words]
    return subprocess.run(command, check=check, capture_output=not check, stdout=None).returncode


def _is_ready(cluster: Kubernetes) -> bool:
    nodes = cluster.items("/api/v1/nodes")
    states = [state for node in nodes for state in node["status"].get("conditions", [])]
    return any(state["type"] == "Ready" and state["status"] == "True" for state in states)


def _write(file: Path, content: Mapping[str, object]) -> Path:
    file.write_text(yaml.safe_dump(content))
    return file
