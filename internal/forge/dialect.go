package forge

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A dialect is what the kinds of forges do differently.
type dialect struct {
	api   string // where the API is, below the host
	user  string // as whom git shows a token; the forges look at the token alone
	needs string // what a token must be allowed to do
	auth  func(http.Header, Token)
	home  func(path string) string // of a repository, below the API
	pulls string                   // below home
	query func(path, branch string, page int) url.Values
	pages int // to look through for the pull request of a branch
	body  func(Proposal) any
}

var dialects = map[Kind]dialect{
	GitHub: {
		api: "/api/v3", user: "x-access-token", needs: "read and write for contents and pull requests",
		auth: func(h http.Header, t Token) {
			h.Set("Authorization", "Bearer "+string(t))
			h.Set("Accept", "application/vnd.github+json")
			h.Set("X-GitHub-Api-Version", "2022-11-28")
		},
		home: func(path string) string { return "/repos/" + path }, pulls: "/pulls", pages: 1,
		query: func(path, branch string, _ int) url.Values {
			owner, _, _ := strings.Cut(path, "/")
			return url.Values{"head": {owner + ":" + branch}, "state": {"all"}}
		},
		body: func(p Proposal) any {
			return map[string]string{"head": p.Branch, "base": p.Base, "title": p.Title, "body": p.Body}
		},
	},
	GitLab: {
		api: "/api/v4", user: "oauth2", needs: "the scope api, and the role Developer",
		auth: func(h http.Header, t Token) { h.Set("PRIVATE-TOKEN", string(t)) },
		home: func(path string) string { return "/projects/" + url.PathEscape(path) }, pulls: "/merge_requests", pages: 1,
		query: func(_, branch string, _ int) url.Values {
			return url.Values{"source_branch": {branch}, "state": {"all"}}
		},
		body: func(p Proposal) any {
			return map[string]string{"source_branch": p.Branch, "target_branch": p.Base, "title": p.Title, "description": p.Body}
		},
	},
	Gitea: {
		api: "/api/v1", user: "oauth2", needs: "read and write for repositories",
		auth: func(h http.Header, t Token) { h.Set("Authorization", "token "+string(t)) },
		home: func(path string) string { return "/repos/" + path }, pulls: "/pulls",
		pages: 4, // it has no question for a branch, and tells the newest first
		query: func(_, _ string, page int) url.Values {
			return url.Values{"state": {"all"}, "limit": {"50"}, "page": {strconv.Itoa(page)}}
		},
		body: func(p Proposal) any {
			return map[string]string{"head": p.Branch, "base": p.Base, "title": p.Title, "body": p.Body}
		},
	},
}

// A pull is a pull request as any of the forges tells of it.
type pull struct {
	HTMLURL string `json:"html_url"`
	WebURL  string `json:"web_url"`

	Head end `json:"head"`
	Base end `json:"base"`

	SourceBranch    string `json:"source_branch"`
	SourceProjectID int64  `json:"source_project_id"`
	TargetProjectID int64  `json:"target_project_id"`
}

type end struct {
	Ref  string
	Repo *struct{ ID int64 } // nil: it was deleted
}

func (p pull) url() string { return p.HTMLURL + p.WebURL }

// of reports whether p is the pull request of a branch of the repository itself: a
// fork may have one of the same name.
func (p pull) of(branch string) bool {
	if p.SourceBranch == branch {
		return p.SourceProjectID == p.TargetProjectID
	}
	return p.Head.Ref == branch && p.Head.Repo != nil && p.Base.Repo != nil && p.Head.Repo.ID == p.Base.Repo.ID
}
