"""Finding one's way in what the chart renders."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Object", "container", "containers", "environment", "find", "pod_spec", "pod_specs"]

type Object = Mapping[str, Any]


def find(objects: Sequence[Object], kind: str, ending: str = "") -> Object:
    """Take the one object of a kind whose name ends like that."""
    (found,) = [
        one for one in objects if one["kind"] == kind and str(one["metadata"]["name"]).endswith(ending)
    ]
    return found


def pod_spec(one: Object) -> Object | None:
    """Look up the pod that an object makes, if it makes any."""
    spec = one.get("spec", {})
    match one["kind"]:
        case "ScaledJob":
            spec = spec["jobTargetRef"]
        case "CronJob":
            spec = spec["jobTemplate"]["spec"]
    template: Object = spec.get("template", {})
    return template.get("spec")


def pod_specs(objects: Sequence[Object]) -> Iterator[Object]:
    """List the pods of all objects."""
    yield from filter(None, map(pod_spec, objects))


def containers(objects: Sequence[Object]) -> Iterator[Object]:
    """List the containers of all objects, those that begin a pod included."""
    for spec in pod_specs(objects):
        yield from spec.get("initContainers", [])
        yield from spec["containers"]


def container(one: Object) -> Object:
    """Take an object's only container."""
    spec = pod_spec(one)
    assert spec is not None
    (found,) = spec["containers"]
    return dict(found)


def environment(objects: Sequence[Object], one: Object, folder: Path) -> dict[str, str]:
    """Read the environment of an object's container as the process would see it.

    Files of ConfigMaps are laid down in `folder`, and the variables that name
    them name those; each secret is the text ``secret``.
    """
    spec = pod_spec(one)
    assert spec is not None
    inside = container(one)
    values = {variable["name"]: variable.get("value", "secret") for variable in inside["env"]}
    maps = {
        volume["name"]: find(objects, "ConfigMap", volume["configMap"]["name"])["data"]
        for volume in spec["volumes"]
        if "configMap" in volume
    }
    for mount in inside["volumeMounts"]:
        for name, content in maps.get(mount["name"], {}).items():
            (folder / name).write_text(content)
            path = f"{mount['mountPath']}/{name}"
            values = {key: str(folder / name) if text == path else text for key, text in values.items()}
    return values
