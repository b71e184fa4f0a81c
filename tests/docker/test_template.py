from __future__ import annotations

import pytest

from emu.docker.inspect import Map
from emu.programs.docker.template import TemplateError, render

LABELS = Map([("a", "1")])
DATA = {"Name": "web", "Ports": {"80/tcp": [{"HostPort": "8080"}], "90/tcp": None}, "Labels": LABELS, "Up": True, "Count": 3}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.Name}}", "web"),
        ("{{json .Ports}}", '{"80/tcp":[{"HostPort":"8080"}],"90/tcp":null}'),
        ('{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"),
        ("{{range $p, $conf := .Ports}}{{$p}} {{if $conf}}{{(index $conf 0).HostPort}}{{else}}-{{end}};{{end}}", "80/tcp 8080;90/tcp -;"),
        ("{{.Name | upper}}{{/* a comment */}}", "WEB"),
        ("{{with .Labels}}{{.a}}{{end}}{{.Up}} {{.Count}}", "1true 3"),
        ("{{.Labels}}", "map[a:1]"),
        ('{{printf "%s=%d" .Name .Count}}', "web=3"),
        ('{{if eq .Name "web"}}yes{{else}}no{{end}}', "yes"),
        ("{{$.Name}} {{- .Name -}} !", "webweb!"),
        ('{{.Name}}{{"\\n"}}a\\tb', "web\na\\tb"),
        ('{{printf "%99999999s" .Name}}', "%!(BADWIDTH)web"),
    ],
)
def test_templates_are_filled_in_as_go_does(template: str, text: str) -> None:
    assert render(template, DATA) == text


WRONG = ["{{.Nothing}}", "{{.Name.First}}", "{{frob .Name}}", "{{range .Ports}}", "{{.Name", "{{end}}", "{{$x}}", '{{"\\q"}}', '{{"\n"}}']


@pytest.mark.parametrize("template", WRONG)
def test_wrong_templates_are_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, DATA)
