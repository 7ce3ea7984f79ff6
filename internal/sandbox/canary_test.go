package sandbox

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// canary is what a secret of the server would be.
const canary = "canary-0f3b9a7c51"

// dump prints every environment that there is to be seen.
const dump = `env; set; export -p; for f in /proc/self/environ /proc/1/environ /proc/[0-9]*/environ /proc/[0-9]*/cmdline; do tr '\0' '\n' <$f; done 2>/dev/null; true`

// Nothing of the server's environment gets to a command, whatever it looks at.
func TestNoSecretInEnvironments(t *testing.T) {
	for _, name := range []string{
		"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "AUTONOMA_API_KEY", "AWS_SECRET_ACCESS_KEY",
		"SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "GIT_ASKPASS", "GIT_CONFIG_PARAMETERS", "BASH_ENV", "ENV", "LD_LIBRARY_PATH", "NPM_TOKEN", "X",
	} {
		t.Setenv(name, canary)
	}
	level(t, all, func(t *testing.T, s Sandbox) {
		script := dump
		if !slices.Contains(confining, s.Level()) {
			// It sees the server's processes too, and says so: but it is not given anything.
			script = `env; set; export -p; tr '\0' '\n' </proc/self/environ`
		}
		if r := sh(t, s, script, Command{}); r.Code != 0 || strings.Contains(r.out, canary) || !strings.Contains(r.out, "PATH=") {
			t.Errorf("exit code %d:\n%s", r.Code, r.out)
		}
	})
	// The trap does spring where nothing is in its way.
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", dump).Output(); err != nil || !strings.Contains(string(out), canary) {
		t.Errorf("a command that is not confined does not see it: %v", err)
	}
	if os.Getenv("X") != canary {
		t.Error("the server has no secret")
	}
}
