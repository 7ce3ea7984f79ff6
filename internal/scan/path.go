package scan

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// language returns what a file is written in, by its path: the word that rules know it
// by, "" for all others.
func language(p string) string {
	base := strings.ToLower(path.Base(p))
	ext := strings.TrimPrefix(path.Ext(base), ".")
	switch {
	case strings.Contains("/"+p, "/.github/workflows/") && (ext == "yml" || ext == "yaml"), base == "action.yml", base == "action.yaml":
		return "workflow"
	case base == "dockerfile", base == "containerfile", ext == "dockerfile", strings.HasPrefix(base, "dockerfile."):
		return "docker"
	case base == "makefile", ext == "mk":
		return "shell"
	}
	switch ext {
	case "go", "py", "java", "rb", "php":
		return ext
	case "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte":
		return "js"
	case "kt", "kts", "scala", "groovy":
		return "java"
	case "rs":
		return "rust"
	case "rake":
		return "rb"
	case "sh", "bash", "zsh", "ksh":
		return "shell"
	case "yml", "yaml":
		return "yaml"
	case "tf", "hcl", "conf", "ini", "cfg", "properties", "toml", "env":
		return "conf"
	}
	if base == ".env" || strings.HasPrefix(base, ".env.") {
		return "conf"
	}
	return ""
}

// commented reports whether a line is only a comment.
func commented(lang, text string) bool {
	t := strings.TrimSpace(text)
	switch lang {
	case "py", "rb", "shell", "docker", "workflow", "yaml", "conf":
		return strings.HasPrefix(t, "#")
	case "php":
		return strings.HasPrefix(t, "#") && !strings.HasPrefix(t, "#[") || strings.HasPrefix(t, "//") || strings.HasPrefix(t, "*") || strings.HasPrefix(t, "/*")
	}
	return strings.HasPrefix(t, "//") || strings.HasPrefix(t, "* ") || strings.HasPrefix(t, "/*")
}

// testParts are parts of a path that tell tests, examples and what they read.
var testParts = regexp.MustCompile(`(?i)(?:^|[/._-])(?:tests?|spec|specs|testdata|testing|fixtures?|examples?|samples?|dummy|mocks?|fakes?|demo|__tests__|__fixtures__|cassettes|stubs?)(?:[/._-]|$)`)

// inTests reports whether a file is a test or an example, or there for one.
func inTests(p string) bool {
	return testParts.MatchString(p)
}

// lockFiles are files that programs write, full of digests that look like secrets.
var lockFiles = []string{
	"go.sum", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "cargo.lock", "poetry.lock", "uv.lock",
	"pdm.lock", "pipfile.lock", "gemfile.lock", "composer.lock", "flake.lock", "gradle.lockfile", "packages.lock.json", "deno.lock", ".terraform.lock.hcl",
}

func isLock(p string) bool {
	return slices.Contains(lockFiles, strings.ToLower(path.Base(p)))
}
