// Package client is how Go programs use the API; the command line is one of them.
//
// An error from the server keeps its meaning: errors.Is(err,
// autonoma.ErrNotFound) is true here exactly when it was true there, and
// errors.As finds an [api.Problem] or, for what is wrong with fields, an
// [autonoma.FieldErrors].
//
// The client asks nothing twice by itself, except that it takes up a stream of
// events where it was cut off. It follows no redirects: the API has none, and the
// key is not for others.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"autonoma"
	"autonoma/api"
)

// A Client talks to one server with one key. Its methods are safe for concurrent
// use.
type Client struct {
	BaseURL string       // as in http://127.0.0.1:7420
	Key     string       // API key
	HTTP    *http.Client // nil means one without a time limit: use contexts
}

// CreateTask submits a task. When it returns without an error the task is on the
// server's disk.
func (c *Client) CreateTask(ctx context.Context, in api.CreateTask) (api.CreatedTask, error) {
	return do[api.CreatedTask](ctx, c, http.MethodPost, tasksPath, in)
}

// Task returns a task.
func (c *Client) Task(ctx context.Context, id autonoma.RunID) (api.Task, error) {
	return do[api.Task](ctx, c, http.MethodGet, api.PathOf(id), nil)
}

// Tasks yields the tasks with the given status, or all if it is empty, newest
// first. It asks for a page at a time. After an error it yields nothing more.
func (c *Client) Tasks(ctx context.Context, status autonoma.Status) iter.Seq2[api.Task, error] {
	return pages(ctx, c, tasksPath, string(status), func(p api.Tasks) ([]api.Task, *string) { return p.Tasks, p.NextCursor })
}

// pages yields the entries of a list that have the given status, or all if it is empty.
func pages[Page, Entry any](ctx context.Context, c *Client, path, status string, of func(Page) ([]Entry, *string)) iter.Seq2[Entry, error] {
	query := url.Values{"limit": {strconv.Itoa(api.MaxPage)}}
	if status != "" {
		query.Set("status", status)
	}
	return paged(ctx, c, path, query, of)
}

// paged yields the entries of a list that a query asks for, page by page.
func paged[Page, Entry any](ctx context.Context, c *Client, path string, query url.Values, of func(Page) ([]Entry, *string)) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		query := maps.Clone(query) // it may be gone through once more
		for {
			page, err := do[Page](ctx, c, http.MethodGet, path+"?"+query.Encode(), nil)
			if err != nil {
				var none Entry
				yield(none, err)
				return
			}
			entries, next := of(page)
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if next == nil {
				return
			}
			query.Set("cursor", *next)
		}
	}
}

// CancelTask calls a task off. A task that is over is an [autonoma.ErrConflict].
func (c *Client) CancelTask(ctx context.Context, id autonoma.RunID) (api.Task, error) {
	return do[api.Task](ctx, c, http.MethodPost, api.PathOf(id)+"/cancel", nil)
}

// RetryTask submits the request of a task that is over once more, as a new task. A
// task that is not over is an [autonoma.ErrConflict].
func (c *Client) RetryTask(ctx context.Context, id autonoma.RunID) (api.CreatedTask, error) {
	return do[api.CreatedTask](ctx, c, http.MethodPost, api.PathOf(id)+"/retry", nil)
}

// Diff returns the diff that a run delivers. The caller closes it.
func (c *Client) Diff(ctx context.Context, id autonoma.RunID) (io.ReadCloser, error) {
	return c.content(ctx, api.PathOf(id)+"/diff")
}

// Artifact returns the content of an artifact. The caller closes it.
func (c *Client) Artifact(ctx context.Context, id autonoma.RunID, artifact autonoma.ArtifactID) (io.ReadCloser, error) {
	return c.content(ctx, api.PathOf(id)+"/artifacts/"+url.PathEscape(string(artifact)))
}

// Approval returns a question to a human.
func (c *Client) Approval(ctx context.Context, id autonoma.ApprovalID) (api.Approval, error) {
	return do[api.Approval](ctx, c, http.MethodGet, approvalPath(id), nil)
}

// Approvals yields the questions to humans with the given status, or all if it is
// empty, newest first. It asks for a page at a time. After an error it yields nothing
// more.
func (c *Client) Approvals(ctx context.Context, status autonoma.ApprovalStatus) iter.Seq2[api.Approval, error] {
	return func(yield func(api.Approval, error) bool) {
		query := url.Values{"limit": {strconv.Itoa(api.MaxPage)}}
		if status != "" {
			query.Set("status", string(status))
		}
		for {
			page, err := do[api.Approvals](ctx, c, http.MethodGet, approvalsPath+"?"+query.Encode(), nil)
			if err != nil {
				yield(api.Approval{}, err)
				return
			}
			for _, a := range page.Approvals {
				if !yield(a, nil) {
					return
				}
			}
			if page.NextCursor == nil {
				return
			}
			query.Set("cursor", *page.NextCursor)
		}
	}
}

// Decide answers a question, with [api.Approve] or [api.Reject]. One that was answered
// before, or whose deadline has passed, is an [autonoma.ErrConflict].
func (c *Client) Decide(ctx context.Context, id autonoma.ApprovalID, in api.Decide) (api.Approval, error) {
	return do[api.Approval](ctx, c, http.MethodPost, approvalPath(id)+"/decision", in)
}

// Health returns how the server is. A server that is unhealthy is no error: that
// it says so is what was asked for.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return health[api.Health](ctx, c, "/v1/health")
}

// Info returns what the server is and what it offers.
func (c *Client) Info(ctx context.Context) (api.Info, error) {
	return do[api.Info](ctx, c, http.MethodGet, "/v1/info", nil)
}

const tasksPath = "/v1/agents/tasks"

const approvalsPath = "/v1/approvals"

func approvalPath(id autonoma.ApprovalID) string {
	return approvalsPath + "/" + url.PathEscape(string(id))
}

// do sends a request and reads the answer.
func do[Out any](ctx context.Context, c *Client, method, path string, in any) (Out, error) {
	var none Out
	resp, err := c.send(ctx, method, path, in, nil)
	if err != nil {
		return none, err
	}
	if err := problemOf(resp); err != nil {
		return none, err
	}
	return read[Out](resp)
}

// remove sends a request whose answer is empty.
func (c *Client) remove(ctx context.Context, path string) error {
	resp, err := c.send(ctx, http.MethodDelete, path, nil, nil)
	if err != nil {
		return err
	}
	if err := problemOf(resp); err != nil {
		return err
	}
	return resp.Body.Close()
}

// health asks for how something is. That it does not work is an answer too.
func health[Out any](ctx context.Context, c *Client, path string) (Out, error) {
	var none Out
	resp, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return none, err
	}
	if unhealthy := resp.StatusCode == http.StatusServiceUnavailable && isJSON(resp); !unhealthy {
		if err := problemOf(resp); err != nil {
			return none, err
		}
	}
	return read[Out](resp)
}

// read reads an answer and closes it.
func read[Out any](resp *http.Response) (Out, error) {
	defer resp.Body.Close()
	var out Out
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Path, err)
	}
	return out, nil
}

func (c *Client) content(ctx context.Context, path string) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := problemOf(resp); err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// send sends a request and returns what came back, be it an answer or a problem.
func (c *Client) send(ctx context.Context, method, path string, in any, header http.Header) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.BaseURL, "/")+path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err) // it names the method and the URL
	}
	return resp, nil
}

func (c *Client) client() *http.Client {
	own := http.Client{}
	if c.HTTP != nil {
		own = *c.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// problemOf returns the problem that an answer tells, and closes it, or nil.
func problemOf(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	defer resp.Body.Close()
	const most = 1 << 20
	p := new(api.Problem)
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil || json.Unmarshal(text, p) != nil || p.Code == "" { // something on the way answered, not the server
		p = &api.Problem{Title: resp.Status, Detail: "the server answered " + resp.Status}
	}
	p.Status = resp.StatusCode
	return p
}

func isJSON(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
}
