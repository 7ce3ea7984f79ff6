package forge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// An Error is why a pull request could not be opened. It says what to do, and holds
// no token.
type Error struct {
	Reason    string
	Retryable bool // it may pass by itself

	status int           // of the answer; 0: there was none
	after  time.Duration // how long the forge asks us to wait
}

func (e *Error) Error() string { return e.Reason }

const (
	callTime  = 30 * time.Second
	maxAnswer = 8 << 20 // bytes
)

// newHTTP returns a client that follows no redirect: a token is for one host.
func newHTTP() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	return &http.Client{Transport: t, CheckRedirect: stay}
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call asks the forge something about the repository, and reads its answer into out.
func (r Repository) call(ctx context.Context, method, below string, query url.Values, in, out any) error {
	asking, done := context.WithTimeout(ctx, callTime)
	defer done()
	resp, err := r.send(asking, method, below, query, in)
	if err != nil {
		return r.silent(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return r.silent(ctx, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return r.refused(resp, body)
	case len(body) > maxAnswer:
		return &Error{Reason: fmt.Sprintf("%s answers with more than %d bytes", r.site.Host, maxAnswer)}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &Error{Reason: fmt.Sprintf("%s answers with something else than was asked for; is `api` in the configuration right?", r.site.Host)}
	}
	return nil
}

func (r Repository) send(ctx context.Context, method, below string, query url.Values, in any) (*http.Response, error) {
	d := dialects[r.site.Kind]
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	address := r.site.API + d.home(r.path) + below
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "autonoma")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	d.auth(req.Header, r.site.Token)
	return r.http.Do(req)
}

// silent is the error of a forge that gives no answer.
func (r Repository) silent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the address is no news
	}
	return &Error{Reason: fmt.Sprintf("%s cannot be reached: %s", r.site.Host, r.tame(err.Error())), Retryable: true}
}

// refused is the error of a forge that does not do what it is asked to.
func (r Repository) refused(resp *http.Response, body []byte) error {
	at, says := r.site.Host, r.tame(strings.Join(texts(body), "; "))
	if says != "" {
		says = " (" + says + ")"
	}
	e := &Error{status: resp.StatusCode, after: wait(resp.Header, time.Now())}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && e.after > 0:
		e.Retryable, e.Reason = true, fmt.Sprintf("%s wants to be asked less often%s", at, says)
		if e.after > longest {
			e.Reason += "; try again in " + e.after.Round(time.Second).String()
		}
	case code >= 500:
		e.Retryable, e.Reason = true, fmt.Sprintf("%s has a trouble of its own, HTTP %d%s; try again later", at, code, says)
	case code >= 300 && code < 400:
		e.Reason = fmt.Sprintf("%s says that %s is elsewhere, HTTP %d; give the present URL of the repository as source", at, r.path, code)
	case code == http.StatusUnauthorized:
		e.Reason = fmt.Sprintf("%s does not accept the token in %s%s; the operator renews it", at, r.site.TokenEnv, says)
	case code == http.StatusForbidden:
		e.Reason = fmt.Sprintf("the token in %s may not open pull requests in %s at %s%s; it needs %s", r.site.TokenEnv, r.path, at, says, dialects[r.site.Kind].needs)
	case code == http.StatusNotFound:
		e.Reason = fmt.Sprintf("%s knows no repository %s, or does not show it to the token in %s; it needs %s", at, r.path, r.site.TokenEnv, dialects[r.site.Kind].needs)
	default:
		e.Reason = fmt.Sprintf("%s refuses the pull request, HTTP %d%s", at, code, says)
	}
	return e
}

// wait returns how long a forge asks us to wait, or zero.
func wait(h http.Header, now time.Time) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
		return max(time.Duration(min(s, 1<<20))*time.Second, time.Nanosecond)
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return max(at.Sub(now), time.Nanosecond)
	}
	if cmp.Or(h.Get("X-RateLimit-Remaining"), h.Get("RateLimit-Remaining")) != "0" {
		return 0
	}
	at, err := strconv.ParseInt(cmp.Or(h.Get("X-RateLimit-Reset"), h.Get("RateLimit-Reset")), 10, 64)
	if err != nil {
		return firstWait
	}
	return max(time.Unix(at, 0).Sub(now), time.Nanosecond)
}

// texts returns what the body of a refusal says in words.
func texts(body []byte) []string {
	var said map[string]any
	if json.Unmarshal(body, &said) != nil {
		return nil
	}
	var all []string
	for _, key := range []string{"message", "error", "errors"} {
		all = append(all, words(said[key])...)
	}
	return all
}

func words(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = []string{v}
	case []any:
		for _, one := range v {
			all = append(all, words(one)...)
		}
	case map[string]any:
		if message, ok := v["message"]; ok {
			return words(message)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, words(v[key])...)
		}
	}
	return all
}

// tame makes a text from outside fit to be shown: one line, short, and without the
// token.
func (r Repository) tame(text string) string {
	const most = 300
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(r.site.Token.hide(text), "?"))
	if letters := []rune(text); len(letters) > most {
		text = string(letters[:most]) + "…"
	}
	return text
}
