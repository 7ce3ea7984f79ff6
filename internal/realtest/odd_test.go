package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/script"
)

// newcomer is a model that looks around with every tool and writes one file.
var newcomer = []script.Conversation{{Turns: []script.Turn{
	{Calls: []script.Call{
		{Name: "glob", Args: map[string]any{"pattern": "**"}},
		{Name: "grep", Args: map[string]any{"pattern": "a"}},
		{Name: "read", Args: map[string]any{"path": "odd"}},
		{Name: "bash", Args: map[string]any{"command": "ls -laR . | head -50; git status; git log -1; git diff HEAD"}},
		{Name: "write", Args: map[string]any{"path": "NEW", "content": "new\n"}},
	}},
	{Calls: []script.Call{{Name: "finish", Args: map[string]any{"summary": "Write NEW.", "confidence": 1}}}},
}}}

// An oddity is a source that is out of the ordinary, and can be worked on.
type oddity struct {
	name    string
	prepare func(t *testing.T, dir string) // makes the source, in a directory that is there
	notice  string                         // what its owner is told
	apart   bool                           // the result cannot be a branch of the source
	check   func(t *testing.T, dir, branch string)
}

var oddities = []oddity{
	{name: "no repository", notice: "directory", apart: true, prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "odd"), "a file\n")
	}},
	{name: "no commits", notice: "empty", prepare: func(t *testing.T, dir string) {
		git(t, dir, "init", "-q", "-b", "main")
		write(t, filepath.Join(dir, "odd"), "not committed\n")
	}, check: func(t *testing.T, dir, branch string) {
		if files := git(t, dir, "ls-tree", "-r", "--name-only", branch); files != "NEW" {
			t.Errorf("the branch has %q, want NEW alone", files)
		}
	}},
	{name: "bare", prepare: func(t *testing.T, dir string) {
		from := filepath.Join(scratch(t), "from")
		write(t, filepath.Join(from, "odd"), "a file\n")
		commit(t, from, "Begin")
		git(t, from, "clone", "-q", "--bare", ".", dir)
	}},
	{name: "dirty", notice: "dirty", prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "odd"), "committed\n")
		write(t, filepath.Join(dir, "gone"), "committed\n")
		commit(t, dir, "Begin")
		write(t, filepath.Join(dir, "odd"), "changed\n")
		write(t, filepath.Join(dir, "staged"), "staged\n")
		git(t, dir, "add", "staged")
		write(t, filepath.Join(dir, "untracked"), "untracked\n")
		if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
			t.Fatal(err)
		}
	}, check: func(t *testing.T, dir, branch string) {
		if files := git(t, dir, "ls-tree", "-r", "--name-only", branch); files != "NEW\ngone\nodd" {
			t.Errorf("the branch has %q", files)
		}
		if text := git(t, dir, "show", branch+":odd"); text != "committed" {
			t.Errorf("the branch has what was not committed: %q", text)
		}
	}},
	{name: "a huge file", notice: "large_files", prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "odd"), "")
		if err := os.Truncate(filepath.Join(dir, "odd"), 200<<20); err != nil {
			t.Fatal(err)
		}
		commit(t, dir, "Begin")
	}},
	{name: "a submodule", notice: "submodules", prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "odd"), "a file\n")
		write(t, filepath.Join(dir, ".gitmodules"), "[submodule \"sub\"]\n\tpath = sub\n\turl = ext::sh -c touch% "+dir+"/marker\n\tupdate = !touch "+dir+"/marker\n")
		commit(t, dir, "Begin")
		git(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("5", 40)+",sub")
		git(t, dir, "commit", "-q", "-m", "Add a submodule")
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
	}, check: func(t *testing.T, dir, branch string) {
		if entry := git(t, dir, "ls-tree", branch, "sub"); !strings.HasPrefix(entry, "160000 commit 5555") {
			t.Errorf("the submodule is %q in the branch", entry)
		}
	}},
	{name: "odd names", prepare: func(t *testing.T, dir string) {
		for _, name := range []string{"odd", "new\nline", `"quotes" and 'more'`, "back\\slash", "-option", "--upload-pack=x", " spaces ",
			"not\xff\xfeutf-8", "tab\t", "$(touch marker)", "`touch marker`", ";touch marker;", "\u202egnp.exe", "\x1b[2J", strings.Repeat("x", 250)} {
			write(t, filepath.Join(dir, name), "a file\n")
		}
		commit(t, dir, "Begin")
	}},
	{name: "not UTF-8", prepare: func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "odd"), "caf\xe9 a\xff\xfe\r\nna\xefve\n")
		write(t, filepath.Join(dir, "binary"), "\x00\x01a\xff")
		write(t, filepath.Join(dir, "README.md"), "# \xff\xfe a\n")
		commit(t, dir, "D\xe9but")
	}},
	{name: "links", prepare: func(t *testing.T, dir string) {
		for from, to := range map[string]string{"a": "b", "b": "a", "self": ".", "up": "..", "odd": "/etc/passwd", "deep": "self/self/self/a", "dangling": "nothing"} {
			if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
				t.Fatal(err)
			}
		}
		commit(t, dir, "Begin")
	}},
}

// TestOddSources has work done on sources that are out of the ordinary. Each run
// completes, its owner is told what to know, everything but the new file is as it
// was, and nothing but the branch is new in the source.
func TestOddSources(t *testing.T) {
	root := scratch(t)
	s := start(t, root, newcomer)
	for _, o := range oddities {
		t.Run(o.name, func(t *testing.T) {
			dir := filepath.Join(root, strings.ReplaceAll(o.name, " ", "-"))
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			o.prepare(t, dir)
			before := stateOf(t, dir)
			r := s.do(t, api.CreateTask{Task: "Write NEW.", Source: dir, Scope: autonoma.Demo})
			r.completed(t)
			if told := r.notices(t); o.notice != "" && !slices.Contains(told, o.notice) {
				t.Errorf("the owner was told %q, not %s", told, o.notice)
			}
			if c := r.calls(t, "write"); len(c) != 1 || c[0].Failed {
				t.Errorf("write came to %+v", c)
			}
			for _, c := range append(r.calls(t, "read"), r.calls(t, "grep")...) {
				if strings.Contains(c.Output, "root:") {
					t.Errorf("a file of the host was shown:\n%s", c.Output)
				}
			}
			if o.apart {
				o.keptApart(t, r, before, dir)
				return
			}
			before.sameExcept(t, dir, delivered)
			branch := "autonoma/" + string(r.TaskID)
			if r.Output.Branch == nil || *r.Output.Branch != branch {
				t.Fatalf("the output is %+v", r.Output)
			}
			if changed := git(t, dir, "show", "--name-status", "--format=", branch); changed != "A\tNEW" {
				t.Errorf("the branch changes %q, want only NEW", changed)
			}
			if o.check != nil {
				o.check(t, dir, branch)
			}
		})
	}
}

// keptApart checks a result that could not be given to the source: there are a
// patch and a bundle, and the source is as it was.
func (o oddity) keptApart(t *testing.T, r run, before state, dir string) {
	t.Helper()
	before.sameExcept(t, dir, nil)
	if r.Output.Branch != nil {
		t.Errorf("there is a branch %s", *r.Output.Branch)
	}
	var types []string
	for _, a := range r.Output.Artifacts {
		types = append(types, a.Type)
	}
	if !slices.Contains(types, "patch") || !slices.Contains(types, "bundle") {
		t.Errorf("the artifacts are %q, want a patch and a bundle", types)
	}
}

// TestBadBases asks for bases that are no commits: the run fails and says why.
func TestBadBases(t *testing.T) {
	root := scratch(t)
	dir := repository(t, root, "inside")
	s := start(t, root, newcomer)
	before := stateOf(t, root)
	for _, ref := range []string{"nothing", "--upload-pack=touch marker", "main..main", "HEAD^{/x}", "@{-1}", strings.Repeat("0", 40), "a b", "main:README"} {
		t.Run(ref, func(t *testing.T) {
			r := s.do(t, api.CreateTask{Task: "Write NEW.", Source: dir, BaseRef: ref, Scope: autonoma.Demo})
			if r.Status != autonoma.Failed || r.Error == nil || r.Error.Code != autonoma.FailSource || r.Error.Retryable {
				t.Errorf("the run is %s: %+v", r.Status, r.Error)
			}
		})
	}
	before.sameExcept(t, root, nil)
}

// TestHostileRepository works on a repository whose configuration, hooks and
// attributes run programs. The same repository shows that they would.
func TestHostileRepository(t *testing.T) {
	all := scratch(t)
	root, marks := filepath.Join(all, "root"), filepath.Join(all, "marks")
	dir := repository(t, root, "hostile")
	write(t, filepath.Join(dir, "odd"), "a file\n")
	write(t, filepath.Join(dir, ".gitattributes"), "* filter=evil diff=evil merge=evil\n")
	commit(t, dir, "Choose filters")
	if err := os.Mkdir(marks, 0o777); err != nil {
		t.Fatal(err)
	}
	arm(t, dir, marks)
	write(t, filepath.Join(dir, "odd"), "changed\n") // so that a look at the tree has to filter it

	victim := filepath.Join(root, "victim")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", dir, victim).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	careless := exec.CommandContext(t.Context(), "git", "-C", victim, "status")
	_ = careless.Run() // whether it likes what the programs say does not matter
	if left, err := os.ReadDir(marks); err != nil || len(left) == 0 {
		t.Fatalf("the repository does no harm to git itself, so this test shows nothing: %v", err)
	}
	if err := os.RemoveAll(marks); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(marks, 0o777); err != nil {
		t.Fatal(err)
	}

	s := start(t, root, append([]script.Conversation{
		{Match: script.Match{Agent: "review-ai"}, Turns: []script.Turn{{Calls: []script.Call{
			{Name: "finish", Args: map[string]any{"summary": "Good.", "confidence": 1, "verdict": "approve"}},
		}}}},
	}, newcomer...))
	before := stateOf(t, dir)
	r := s.do(t, api.CreateTask{Task: "Write NEW.", Source: dir, Scope: autonoma.POC, Verify: []string{"test -f NEW && git status"}})
	r.completed(t)
	if r.Output.Verification.Status != autonoma.Verified {
		t.Errorf("the verification is %+v", r.Output.Verification)
	}
	before.sameExcept(t, dir, delivered)
	if left, err := os.ReadDir(marks); err != nil || len(left) > 0 {
		t.Errorf("programs of the repository were run: %v %v", left, err)
	}
}

// arm makes a repository run programs wherever its owner can make git do so. Each
// leaves a file in marks.
func arm(t *testing.T, dir, marks string) {
	t.Helper()
	touch := func(what string) string { return "touch " + filepath.Join(marks, what) }
	var config strings.Builder
	for _, c := range [][2]string{
		{"core", "fsmonitor"}, {"core", "sshCommand"}, {"core", "editor"}, {"core", "pager"}, {"core", "askPass"}, {"core", "gitProxy"},
		{"diff", "external"}, {`diff "evil"`, "textconv"}, {`diff "evil"`, "command"}, {`merge "evil"`, "driver"},
		{`filter "evil"`, "clean"}, {`filter "evil"`, "smudge"}, {`filter "evil"`, "process"},
		{"credential", "helper"}, {"gpg", "program"}, {"uploadpack", "packObjectsHook"}, {"sequence", "editor"},
		{"alias", "status"}, {"interactive", "diffFilter"},
	} {
		section, name := c[0], c[1]
		command := touch(strings.Trim(strings.ReplaceAll(section, " ", "-"), `"`) + "." + name)
		config.WriteString("[" + section + "]\n\t" + name + " = \"" + strings.ReplaceAll(strings.ReplaceAll(command, `"`, ``), `\`, `\\`) + "\"\n")
	}
	config.WriteString("[commit]\n\tgpgSign = true\n[core]\n\thooksPath = hooks\n[include]\n\tpath = more\n[protocol \"ext\"]\n\tallow = always\n")
	f, err := os.OpenFile(filepath.Join(dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(config.String()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".git", "more"), "[core]\n\tfsmonitor = "+touch("included")+"\n")
	for _, where := range []string{filepath.Join(dir, ".git", "hooks"), filepath.Join(dir, "hooks")} {
		for _, name := range []string{"pre-commit", "post-checkout", "post-commit", "reference-transaction", "pre-push", "pre-receive", "update", "post-receive", "post-update", "post-index-change", "fsmonitor-watchman", "pre-auto-gc"} {
			path := filepath.Join(where, name)
			write(t, path, "#!/bin/sh\n"+touch("hook."+name)+"\n")
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
}
