package egress

import (
	"slices"
	"testing"
)

func TestParseHosts(t *testing.T) {
	for list, want := range map[string][]string{
		"":                                    nil,
		"example.com":                         {"example.com"},
		" Example.COM. , *.b.org:8443":        {"example.com", "*.b.org:8443"},
		"10.0.0.5:8080,[fd00::5]:443,fd00::6": {"10.0.0.5:8080", "[fd00::5]:443", "[fd00::6]"},
		"python":                              {"pypi.org", "files.pythonhosted.org"},
		"localhost:4873":                      {"localhost:4873"},
	} {
		hosts, err := ParseHosts(list)
		var got []string
		for _, h := range hosts {
			got = append(got, h.String())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", list, got, err)
		}
	}
	for _, list := range []string{"pyhton", "https://example.com", "example.com:0", "example.com:99999", "*", "*.10.0.0.1", "a..b", "exa mple.com", "*.*.com", "example.com:x", "a/b.c", "-:1:2"} {
		if hosts, err := ParseHosts(list); err == nil {
			t.Errorf("%q is taken for %v", list, hosts)
		}
	}
}

// The presets are well-formed; those for everybody do not hold what has to be named.
func TestPresets(t *testing.T) {
	all, err := ParseHosts(Registries)
	if err != nil || len(all) < 20 {
		t.Fatal(all, err)
	}
	p := Policy{Hosts: all}
	if !p.allows("registry.npmjs.org", 443) || p.allows("registry.npmjs.org", 80) || p.allows("github.com", 443) {
		t.Errorf("registries are %v", p.Names())
	}
	for _, tt := range []struct {
		languages, commands []string
		host                string
		want                bool
	}{
		{[]string{"Go"}, nil, "proxy.golang.org", true},
		{[]string{"Go"}, nil, "pypi.org", false},
		{[]string{"Go"}, []string{"cd x && pip install -r y"}, "pypi.org", true},
		{[]string{"Go"}, []string{".venv/bin/pip install y"}, "pypi.org", true},
		{[]string{"Go"}, []string{"make pipe"}, "pypi.org", false},
		{nil, nil, "index.crates.io", true},
		{nil, nil, "github.com", false},
		{[]string{}, nil, "proxy.golang.org", false},
	} {
		if got := (Policy{Hosts: For(tt.languages, tt.commands)}).allows(tt.host, 443); got != tt.want {
			t.Errorf("%q %q: %s is allowed: %v", tt.languages, tt.commands, tt.host, got)
		}
	}
}
