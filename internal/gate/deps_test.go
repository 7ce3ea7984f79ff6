package gate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

const (
	someGo  = "-- go.mod --\nmodule a\n\ngo 1.21\n-- go.sum --\nx v1 h1:a\n"
	moreGo  = "-- go.mod --\nmodule a\n\ngo 1.21\n\nrequire example.com/pay v1.2.0\n-- go.sum --\nx v1 h1:a\nexample.com/pay v1.2.0 h1:b\n"
	looseGo = "-- go.mod --\nmodule a\n\ngo 1.21\n\nrequire example.com/pay v1.2.0\n"
)

func TestDependencyAudit(t *testing.T) {
	try(t, "dependency_audit", gate.AtChange, []tried{
		{"none changed", someGo, "-- a.go --\npackage a\n", nil, autonoma.GateSkipped, "no dependency was changed"},
		{"added and locked", someGo, moreGo, nil, autonoma.GatePassed, "1 dependencies were added or updated, and nothing is wrong with them; advisories were not looked up"},
		{"the lock was left behind", someGo, looseGo, nil, autonoma.GateFailed, "go.mod: its dependencies changed, but go.sum did not"},
		{"of any version", "", "-- requirements.txt --\nrequests\n", nil, autonoma.GateFailed, "requirements.txt: requests may be of any version"},
		{"not from the registry", "", "-- package.json --\n{\"dependencies\": {\"pay\": \"https://example.com/pay.tgz\"}}\n", nil, autonoma.GateFailed, "package.json: pay: it is taken from"},
		{"removed", moreGo, someGo, nil, autonoma.GateSkipped, "no dependency was changed"},
	})
}

// Advisories that the operator names are held against what was changed.
func TestAdvisories(t *testing.T) {
	dir := t.TempDir()
	const record = `{"id": "GO-2026-1", "modified": "2026-01-01T00:00:00Z", "summary": "Pays twice.", "affected": [
		{"package": {"ecosystem": "Go", "name": "example.com/pay"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.3.0"}]}]}]}`
	if err := os.WriteFile(filepath.Join(dir, "GO-2026-1.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	policy, err := gate.Open(write(t, "advisories: "+dir+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		version, says string
		status        autonoma.GateStatus
	}{
		{"v1.2.0", "example.com/pay v1.2.0 has the advisory GO-2026-1 (Pays twice.): take ", autonoma.GateFailed},
		{"v1.3.0", "nothing is wrong", autonoma.GatePassed},
	} {
		f := facts(t, someGo, strings.ReplaceAll(moreGo, "v1.2.0", tt.version))
		out, err := policy.Measure(t.Context(), gate.AtChange, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range out.Gates {
			if g.ID == "dependency_audit" && (g.Status != tt.status || !strings.Contains(g.Message, tt.says)) {
				t.Errorf("%s: %s: %s", tt.version, g.Status, g.Message)
			}
		}
	}
}

func TestLicence(t *testing.T) {
	under := func(text string) string {
		return strings.Replace(moreGo, "-- go.sum", "-- vendor/example.com/pay/LICENSE --\n"+text+"-- go.sum", 1)
	}
	const mit = "MIT License\n\nCopyright (c) 2024 Somebody\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software and associated documentation files (the \"Software\"), to deal\nin the Software without restriction.\n\nTHE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND\n"
	const gpl = "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007\n\n Copyright (C) 2007 Free Software Foundation, Inc.\n"
	npm := func(licence string) string {
		return "-- package.json --\n{\"dependencies\": {\"pay\": \"1.0.0\"}}\n-- node_modules/pay/package.json --\n{\"name\": \"pay\", \"version\": \"1.0.0\", \"license\": \"" + licence + "\"}\n"
	}
	try(t, "licence", gate.AtChange, []tried{
		{"none added", someGo, "-- a.go --\npackage a\n", nil, autonoma.GateSkipped, "no dependency was added"},
		{"not installed", someGo, moreGo, nil, autonoma.GateSkipped, "the licences of example.com/pay cannot be found out"},
		{"allowed", someGo, under(mit), nil, autonoma.GatePassed, "the licences of 1 new dependencies are allowed"},
		{"not allowed", someGo, under(gpl), nil, autonoma.GateFailed, "example.com/pay comes under GPL-3.0"},
		{"either of two", "", npm("(GPL-3.0-only OR MIT)"), nil, autonoma.GatePassed, "are allowed"},
		{"both of two", "", npm("GPL-3.0-only AND MIT"), nil, autonoma.GateFailed, "pay comes under"},
	})
}
