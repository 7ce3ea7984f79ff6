package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// A Repository is one on a forge, with a token for it.
type Repository struct {
	site Site
	path string
	http *http.Client
}

// A Proposal is what is asked of people: to take over a branch.
type Proposal struct {
	Branch string // that is there already
	Base   string // into which it is to go; empty: the default branch of the repository
	Title  string
	Body   string // Markdown
}

// How often a call is tried, and how long a forge may ask us to wait in between: what
// takes longer is for whoever carries out the task to decide.
const (
	tries     = 4
	longest   = time.Minute
	firstWait = time.Second
)

// Propose opens a pull request and returns its URL. If the branch has one already, of
// whatever state, that is returned: to propose again after a crash is safe. Troubles
// that pass are waited for a while. Unless the context ended, the error is an [*Error].
func (r Repository) Propose(ctx context.Context, p Proposal) (string, error) {
	for n := 1; ; n++ {
		where, err := r.propose(ctx, p)
		failed, ok := errors.AsType[*Error](err)
		if !ok || !failed.Retryable || n == tries || failed.after > longest {
			return where, err
		}
		select {
		case <-time.After(max(failed.after, firstWait<<(n-1))):
		case <-ctx.Done():
			return "", fmt.Errorf("wait to try again after %w: %w", err, context.Cause(ctx))
		}
	}
}

// propose is one try. Each begins with a look: the answer to the last may have been
// lost on its way.
func (r Repository) propose(ctx context.Context, p Proposal) (string, error) {
	if where, err := r.find(ctx, p.Branch); where != "" || err != nil {
		return where, err
	}
	if p.Base == "" {
		var home struct {
			Branch string `json:"default_branch"`
		}
		if err := r.call(ctx, http.MethodGet, "", nil, nil, &home); err != nil {
			return "", err
		}
		p.Base = home.Branch
	}
	var made pull
	d := dialects[r.site.Kind]
	err := r.call(ctx, http.MethodPost, d.pulls, nil, d.body(p), &made)
	if failed, ok := errors.AsType[*Error](err); ok && (failed.status == http.StatusConflict || failed.status == http.StatusUnprocessableEntity) {
		// Somebody else may have opened it just now.
		if where, err := r.find(ctx, p.Branch); where != "" && err == nil {
			return where, nil
		}
	}
	if err != nil {
		return "", err
	}
	return r.shown(made)
}

// find returns the URL of the pull request of a branch, or "" if there is none.
func (r Repository) find(ctx context.Context, branch string) (string, error) {
	d := dialects[r.site.Kind]
	for page := range d.pages {
		var some []pull
		if err := r.call(ctx, http.MethodGet, d.pulls, d.query(r.path, branch, page+1), nil, &some); err != nil {
			return "", err
		}
		for _, p := range some {
			if p.of(branch) {
				return r.shown(p)
			}
		}
		if len(some) == 0 {
			break
		}
	}
	return "", nil
}

// shown returns the URL of a pull request, which is shown to people.
func (r Repository) shown(p pull) (string, error) {
	const most = 2000
	u, err := url.Parse(p.url())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(p.url()) > most {
		return "", &Error{Reason: r.site.Host + " does not tell where the pull request is; is `api` in the configuration right?"}
	}
	return u.String(), nil
}
