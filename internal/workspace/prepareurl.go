package workspace

import (
	"context"
	"strings"

	"autonoma/internal/reclaim"
)

// remoteTransports are the ones a URL that [Resolve] lets pass can use.
const remoteTransports = "https:ssh"

// prepareURL fetches from elsewhere. The remote chooses what it answers, but
// what it answers is only data.
func (s *Store) prepareURL(ctx context.Context, p place, src Source, baseRef string) (Base, error) {
	base := Base{Kind: SourceURL, Source: src.Location, Tenant: src.Tenant}
	access, err := s.access(ctx, base)
	if err != nil {
		return Base{}, err
	}
	if (sha1Format.valid(baseRef) || sha256Format.valid(baseRef)) && s.cached(access.cache(src.Location), baseRef) {
		return s.deriveURL(ctx, p, base, access, found{commit: baseRef}, baseRef)
	}
	refs, f, err := s.remoteRefs(ctx, src.Location, access, candidates(baseRef))
	if err != nil {
		return Base{}, err
	}
	for _, name := range candidates(baseRef) {
		id := refs[name+"^{}"] // what an annotated tag stands for
		if id == "" {
			id = refs[name]
		}
		if id == "" && !f.valid(name) {
			continue
		}
		if id == "" {
			return s.deriveURL(ctx, p, base, access, found{commit: name}, name)
		}
		branch, isBranch := strings.CutPrefix(name, "refs/heads/")
		if name == "HEAD" {
			branch = refs["branch"]
		} else if !isBranch {
			branch = ""
		}
		return s.deriveURL(ctx, p, base, access, found{commit: id, branch: branch}, name)
	}
	if len(refs) == 0 && (baseRef == "" || baseRef == "HEAD") {
		base.Empty = true
		base.Notices = append(base.Notices, Notice{"empty", "The repository has no commits. The run starts from nothing."})
		return s.begin(p, f, base)
	}
	return Base{}, refuse(ReasonRef, "name one that exists, commits in full", "it has no branch, tag or commit %q", baseRef)
}

// cached reports whether the cache of that key has a commit.
func (s *Store) cached(key, commit string) bool {
	cache, err := openBare(s.cacheDir(key))
	if err != nil {
		return false
	}
	at, err := cache.ref("refs/autonoma/bases/" + commit)
	return err == nil && at == commit
}

func (s *Store) deriveURL(ctx context.Context, p place, base Base, access Access, want found, name string) (Base, error) {
	f := sha1Format
	if sha256Format.valid(want.commit) {
		f = sha256Format
	}
	cache, err := s.fetch(ctx, access.cache(base.Source), f, want.commit, call{
		args: []string{base.Source, "+" + name + ":refs/autonoma/incoming"}, remote: base.Source, access: access, allow: remoteTransports,
	})
	if err != nil {
		return Base{}, err
	}
	base.Commit, base.Branch = want.commit, want.branch
	base.Tree, err = s.git.line(ctx, call{gitDir: cache.dir, args: []string{"rev-parse", "--verify", "--quiet", want.commit + "^{tree}"}})
	if err != nil {
		return Base{}, err
	}
	return s.derive(ctx, p, cache, base)
}

// remoteRefs asks a remote for references and its HEAD, whose branch is under
// the key "branch".
func (s *Store) remoteRefs(ctx context.Context, location string, access Access, names []string) (map[string]string, format, error) {
	probe, err := s.scratch()
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = reclaim.RemoveAll(probe.dir) }()
	args := append([]string{"ls-remote", "--quiet", "--symref", "--end-of-options", location, "HEAD"}, names...)
	for _, name := range names {
		args = append(args, name+"^{}")
	}
	out, err := s.git.run(ctx, call{gitDir: probe.dir, args: args, remote: location, access: access, allow: remoteTransports, within: min(askTime, s.fetchTime), limit: 1 << 20})
	if err != nil {
		return nil, "", unreachable(ctx, err)
	}
	refs, f := map[string]string{}, sha1Format
	for line := range strings.Lines(string(out)) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if branch, ok := strings.CutPrefix(id, "ref: refs/heads/"); ok && name == "HEAD" {
			refs["branch"] = branch
			continue
		}
		if sha256Format.valid(id) {
			f = sha256Format
		}
		if f.valid(id) {
			refs[name] = id
		}
	}
	if refs["HEAD"] == "" && len(refs) == 1 {
		delete(refs, "branch")
	}
	return refs, f, nil
}
