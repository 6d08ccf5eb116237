"""Package metadata: the one place for name, version, dependencies and extras."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "albert_lsh_tf" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
).group(1)

setup(
    name="albert-lsh-tf",
    version=VERSION,
    description="ALBERT with locality-sensitive hashing attention, on TensorFlow",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    # The recipes live at the top level, and inside the package once installed.
    packages=[
        *find_packages(include=["albert_lsh_tf", "albert_lsh_tf.*"]),
        "albert_lsh_tf.configs",
        "albert_lsh_tf.configs.comparison",
        "albert_lsh_tf.configs.glue",
        "albert_lsh_tf.configs.pretraining",
        "albert_lsh_tf.configs.race",
        "albert_lsh_tf.configs.squad",
    ],
    package_dir={"albert_lsh_tf.configs": "configs"},
    package_data={
        "albert_lsh_tf.configs": ["*.yaml"],
        "albert_lsh_tf.configs.comparison": ["*.yaml"],
        "albert_lsh_tf.configs.glue": ["*.yaml"],
        "albert_lsh_tf.configs.pretraining": ["*.yaml"],
        "albert_lsh_tf.configs.race": ["*.yaml"],
        "albert_lsh_tf.configs.squad": ["*.yaml"],
        "albert_lsh_tf.embedded": ["*.md", "albert_lsh_tiny/*"],
    },
    install_requires=[
        "tensorflow~=2.20",
        "tf-models-official~=2.20",
        "tensorflow-hub>=0.16.1",
        "tensorflow-text~=2.20",
        "tf-keras~=2.20",
        # Up to 0.2.1 it decided ties between pieces by another rounding.
        "sentencepiece>=0.2.2",
        # tensorflow-hub 0.16.1 imports pkg_resources, which setuptools 81 dropped.
        "setuptools<81",
        # official.nlp.data imports it, and tf-models-official does not ask for it.
        "importlib_resources",
        "lazy_loader>=0.4",
        "matplotlib",
        "ml_dtypes",
        "numpy",
        "pyyaml",
        "safetensors>=0.5",
        "scikit-learn",
        "scipy",
        "tqdm",
    ],
    extras_require={
        # Pre-training data of text that outgrows one machine.
        "beam": ["apache-beam>=2.60"],
        # The CUDA libraries that fit the installed TensorFlow.
        "cuda": ["tensorflow[and-cuda]~=2.20"],
        "dev": [
            "build",
            "hypothesis",
            "pre-commit",
            "pytest",
            "pytest-xdist",
            "ruff==0.17.6",
        ],
    },
    entry_points={
        "console_scripts": [
            "albert-lsh = albert_lsh_tf.cli.main:main",
            "albert-lsh-classifier = albert_lsh_tf.cli.classifier:main",
            "albert-lsh-race = albert_lsh_tf.cli.race:main",
            "albert-lsh-squad = albert_lsh_tf.cli.squad:main",
        ]
    },
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
