package workspace_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"autonoma/internal/workspace/workspacetest"
)

// A trap is a repository that makes git run a program, or write where it should not.
type trap struct {
	name string
	plot func(t *testing.T, repo, program string)
	// careless is what somebody does who does not know, as a shell script in a copy of
	// the repository: the trap springs. Empty: git has closed it by itself, in the
	// versions that are tested with, and might open it again.
	careless string
}

// hookNames are the hooks that git knows.
var hookNames = []string{
	"pre-commit", "post-checkout", "post-index-change", "pre-receive", "update", "post-receive", "post-update", "reference-transaction",
	"proc-receive", "push-to-checkout", "pre-push", "fsmonitor-watchman", "post-merge", "post-rewrite", "pre-auto-gc",
}

// traps are all that there are for git itself. A repository on this machine is what can
// do most: of one elsewhere only its objects and references come here.
func traps() []trap {
	return []trap{
		{"hooks", hooks(".git/hooks", nil), "git commit --quiet --allow-empty -m x"},
		{"hooks path", hooks("", func(t *testing.T, repo, dir string) { set(t, repo, "core.hooksPath", dir) }), "git commit --quiet --allow-empty -m x"},
		{"fsmonitor", config("core.fsmonitor"), "git status"},
		{"alternate refs command", config("core.alternateRefsCommand"),
			"git init -q ../lender; git -C ../lender commit -q --allow-empty -m x; echo $PWD/../lender/.git/objects >.git/objects/info/alternates; git -C ../lender push -q $PWD HEAD:refs/heads/x"},
		{"ssh command", config("core.sshCommand"), "git ls-remote ssh://x.invalid/r"},
		{"git proxy", config("core.gitProxy"), "git ls-remote git://x.invalid/r"},
		{"ask pass", config("core.askPass"), `printf 'protocol=https\nhost=x.invalid\n\n' | git credential fill`},
		{"pager", config("core.pager"), "script --quiet --command 'git log' /dev/null"},
		{"editor", config("core.editor"), "git commit --quiet --amend"},
		{"external diff", config("diff.external"), "git diff"},
		{"pack objects hook", config("uploadpack.packObjectsHook"), ""},
		{"credential helper", config("credential.helper"), `printf 'protocol=https\nhost=x.invalid\n\n' | git credential fill`},
		{"gpg", config("gpg.program"), "git commit --quiet --allow-empty -S -m x"},
		{"alias", func(t *testing.T, repo, program string) { set(t, repo, "alias.ls", "!"+program) }, "git ls"},
		{"insteadOf", func(t *testing.T, repo, program string) {
			set(t, repo, "url.ext::"+program+" .insteadOf", "/")
			set(t, repo, "protocol.ext.allow", "always")
		}, "git ls-remote /anything"},
		{"promisor remote", func(t *testing.T, repo, program string) {
			set(t, repo, "core.repositoryFormatVersion", "1")
			set(t, repo, "extensions.partialClone", "evil")
			set(t, repo, "remote.evil.url", "ext::"+program)
			set(t, repo, "remote.evil.promisor", "true")
			set(t, repo, "protocol.ext.allow", "always")
		}, "git cat-file -p 1234567890123456789012345678901234567890"},
		{"upload pack of a remote", func(t *testing.T, repo, program string) {
			set(t, repo, "remote.origin.url", repo)
			set(t, repo, "remote.origin.uploadpack", program)
			set(t, repo, "remote.origin.receivepack", program)
		}, "git fetch origin"},
		{"include", func(t *testing.T, repo, program string) {
			must(t, os.WriteFile(repo+"/.git/evil", []byte("[core]\n\tfsmonitor = "+program+"\n"), 0o600))
			set(t, repo, "include.path", "evil")
		}, "git status"},
		{"includeIf", func(t *testing.T, repo, program string) {
			must(t, os.WriteFile(repo+"/.git/evil", []byte("[core]\n\tfsmonitor = "+program+"\n"), 0o600))
			set(t, repo, "includeIf.onbranch:**.path", "evil")
		}, "git status"},
		{"worktree config", func(t *testing.T, repo, program string) {
			set(t, repo, "core.repositoryFormatVersion", "1")
			set(t, repo, "extensions.worktreeConfig", "true")
			must(t, os.WriteFile(repo+"/.git/config.worktree", []byte("[core]\n\tfsmonitor = "+program+"\n"), 0o600))
		}, "git status"},
		{"working tree elsewhere", func(t *testing.T, repo, program string) {
			workspacetest.Write(t, repo, "-- sprung --\nthe file of a trap\n")
			workspacetest.Commit(t, repo, "Sprung")
			set(t, repo, "core.worktree", filepath.Dir(program))
		}, "git checkout --force"},
		{"clean filter", attributes("filter=evil", "filter.evil.clean"), "git add a.txt"},
		{"smudge filter", attributes("filter=evil", "filter.evil.smudge"), "rm a.txt; git checkout a.txt"},
		{"filter process", attributes("filter=evil", "filter.evil.process"), "git add a.txt"},
		{"diff driver", attributes("diff=evil", "diff.evil.command"), "git diff"},
		{"textconv", attributes("diff=evil", "diff.evil.textconv"), "git diff"},
		{"merge driver", attributes("merge=evil", "merge.evil.driver"),
			"git commit -qam ours; git checkout -qb theirs HEAD~; echo theirs >a.txt; git commit -qam theirs; git merge main"},
		{"attributes beside", func(t *testing.T, repo, program string) {
			mkdir(t, repo+"/.git/info")
			must(t, os.WriteFile(repo+"/.git/info/attributes", []byte("* filter=evil\n"), 0o600))
			set(t, repo, "filter.evil.smudge", program)
		}, "rm a.txt; git checkout a.txt"},
		{"attributes of a file elsewhere", func(t *testing.T, repo, program string) {
			must(t, os.WriteFile(repo+"/.git/evil", []byte("* filter=evil\n"), 0o600))
			set(t, repo, "core.attributesFile", repo+"/.git/evil")
			set(t, repo, "filter.evil.smudge", program)
		}, "rm a.txt; git checkout a.txt"},
		{"encoding of the working tree", func(t *testing.T, repo, program string) {
			must(t, os.WriteFile(repo+"/u.txt", []byte{0xfe, 0xff, 0, 'a', 0, '\n'}, 0o600))
			workspacetest.Write(t, repo, "-- .gitattributes --\nu.txt working-tree-encoding=UTF-16\n* filter=evil\n")
			workspacetest.Commit(t, repo, "Encoded")
			set(t, repo, "filter.evil.clean", program)
		}, "git add --renormalize ."},
		{"large file storage", func(t *testing.T, repo, program string) {
			workspacetest.Write(t, repo, "-- .lfsconfig --\n[lfs]\n\turl = ext::"+program+"\n\tstandalonetransferagent = evil\n[lfs \"customtransfer.evil\"]\n\tpath = "+program+"\n"+
				"-- .gitattributes --\n*.txt filter=lfs diff=lfs merge=lfs -text\n-- b.txt --\nversion https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 12\n")
			workspacetest.Commit(t, repo, "Large")
			set(t, repo, "filter.lfs.smudge", program)
			set(t, repo, "filter.lfs.process", program)
			set(t, repo, "lfs.customtransfer.evil.path", program)
		}, "rm b.txt; git checkout b.txt"},
		{"submodule, its update", submodule(".", "!"), "git -c protocol.file.allow=always submodule update"},
		{"submodule, its URL", func(t *testing.T, repo, program string) {
			submodule("ext::"+program, "")(t, repo, program)
		}, "GIT_ALLOW_PROTOCOL=file:ext git submodule update --init"},
		{"submodule, its URL an option", func(t *testing.T, repo, program string) {
			submodule("--upload-pack="+program, "")(t, repo, program)
		}, ""},
		{"branch that is a command", func(t *testing.T, repo, program string) {
			branch := "$(" + strings.ReplaceAll(program, " ", "") + ")"
			must(t, os.WriteFile(repo+"/.git/HEAD", []byte("ref: refs/heads/"+branch+"\n"), 0o600))
			must(t, os.WriteFile(repo+"/.git/packed-refs", []byte(workspacetest.Git(t, repo, "rev-parse", "main")+" refs/heads/"+branch+"\n"), 0o600))
		}, `eval "git log $(git symbolic-ref --short HEAD)"`},
		{"branch that is an option", func(t *testing.T, repo, program string) {
			head := workspacetest.Git(t, repo, "rev-parse", "main")
			name := "--output=" + filepath.Dir(program) + "/sprung"
			must(t, os.WriteFile(repo+"/.git/HEAD", []byte("ref: refs/heads/"+name+"\n"), 0o600))
			must(t, os.WriteFile(repo+"/.git/packed-refs", []byte(head+" refs/heads/"+name+"\n"), 0o600))
		}, `git diff $(sed 's,^ref: refs/heads/,,' .git/HEAD)`},
	}
}

// hooks plots by every hook there is, in a directory below the repository or, if it is
// empty, beside the program.
func hooks(below string, also func(t *testing.T, repo, dir string)) func(*testing.T, string, string) {
	return func(t *testing.T, repo, program string) {
		dir := filepath.Join(repo, below)
		if below == "" {
			dir = filepath.Join(filepath.Dir(program), "hooks")
		}
		mkdir(t, dir)
		for _, name := range hookNames {
			must(t, os.Symlink(program, filepath.Join(dir, name)))
		}
		if also != nil {
			also(t, repo, dir)
		}
	}
}

// config plots by one setting.
func config(key string) func(*testing.T, string, string) {
	return func(t *testing.T, repo, program string) { set(t, repo, key, program) }
}

// attributes plots by what a committed file says of all others, and one setting.
func attributes(of, key string) func(*testing.T, string, string) {
	return func(t *testing.T, repo, program string) {
		workspacetest.Write(t, repo, "-- .gitattributes --\n* "+of+"\n")
		workspacetest.Commit(t, repo, "Attributes")
		set(t, repo, key, program)
	}
}

// submodule plots by a submodule at a URL, which is updated by a program if how is "!".
func submodule(url, how string) func(*testing.T, string, string) {
	return func(t *testing.T, repo, program string) {
		head := workspacetest.Git(t, repo, "rev-parse", "HEAD")
		if url == "." {
			url = "file://" + repo
		}
		workspacetest.Write(t, repo, "-- .gitmodules --\n[submodule \"x\"]\n\tpath = x\n\turl = "+url+"\n")
		workspacetest.Git(t, repo, "add", ".gitmodules")
		workspacetest.Git(t, repo, "update-index", "--add", "--cacheinfo", "160000,"+head+",x")
		workspacetest.Git(t, repo, "commit", "--quiet", "-m", "module")
		set(t, repo, "submodule.recurse", "true")
		set(t, repo, "submodule.x.url", url)
		set(t, repo, "submodule.x.active", "true")
		if how != "" {
			set(t, repo, "submodule.x.update", how+program)
		}
	}
}

// springs reports whether a trap springs for somebody careless, on a copy of the
// repository.
func springs(t *testing.T, repo, sprung, careless string) bool {
	t.Helper()
	at := filepath.Join(realTemp(t), "copy")
	if out, err := exec.Command("cp", "-a", repo, at).CombinedOutput(); err != nil {
		t.Fatalf("cp: %s", out)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", careless)
	cmd.Dir = at
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + at, "LC_ALL=C", "TERM=xterm", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com",
	}
	out, _ := cmd.CombinedOutput() // the trap may well have made it fail
	if _, err := os.Lstat(sprung); err != nil {
		t.Logf("%s:\n%s", careless, out)
		return false
	}
	must(t, os.Remove(sprung))
	return true
}
