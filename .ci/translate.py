"""Writes what CloudFormation gets to see of template.yaml: `translate.py REGION OUTPUT`, offline and without credentials."""

import os
import sys

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse

MANDATORY = {
    "Tenant": "merchant",
    "WdtUrl": "https://wdt.example/router/qm",
    "WdtSid": "merchant",
}


class NoManagedPolicies:
    """The template names none: every role says itself what it may do."""

    def load(self):
        return {}


def main(region, output):
    os.environ.setdefault("AWS_DEFAULT_REGION", region)
    with open("template.yaml", encoding="utf-8") as file:
        template = yaml_parse(file.read())
    validator = SamTemplateValidator(template, NoManagedPolicies(), region=region, parameter_overrides=MANDATORY)
    with open(output, "w", encoding="utf-8") as file:
        file.write(validator.get_translated_template_if_valid())


main(*sys.argv[1:])
