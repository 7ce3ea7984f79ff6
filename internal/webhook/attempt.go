package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/store"
)

// limit is how long a receiver may take for its answer, the whole of it.
const limit = 10 * time.Second

// attempt tells a receiver once. It reports false if there is nothing to be said of
// it: then we cut it off, or the delivery is not there any more.
func (s *Sender) attempt(ctx context.Context, d autonoma.HookDelivery) (autonoma.Attempt, bool) {
	a := autonoma.Attempt{At: time.Now()}
	req, err := s.request(ctx, d)
	if err != nil {
		s.note(ctx, "prepare delivery", err, "delivery", d.ID, "hook", d.Hook, "run", d.Run)
		a.Problem = "a fault of this server; its log tells more"
		return a, ctx.Err() == nil && !errors.Is(err, autonoma.ErrNotFound)
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := s.Client.Do(req.WithContext(timed))
	if err == nil {
		a.Status, a.Answer = resp.StatusCode, beginning(resp.Body)
		resp.Body.Close()
	}
	a.Took, a.Problem = time.Since(a.At), problem(a.Status, err)
	return a, err == nil || ctx.Err() == nil
}

// request is what is sent: the body, signed as of now.
func (s *Sender) request(ctx context.Context, d autonoma.HookDelivery) (*http.Request, error) {
	said, err := s.DB.Snapshot(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	to := said.Run.Request.CallbackURL
	if d.Hook != "" {
		h, err := s.DB.Hook(ctx, d.Hook)
		if err != nil {
			return nil, err
		}
		to = h.URL
	}
	body, err := Body(d, said)
	if err != nil {
		return nil, err
	}
	secrets, err := s.Secrets(ctx, owner(d))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "autonoma")
	return req, api.SignWebhook(req.Header, string(d.ID), time.Now(), body, secrets...)
}

// Body is what a delivery says. It depends on nothing but what was kept when the thing
// happened: told hours later, it is told as it was.
func Body(d autonoma.HookDelivery, said store.Snapshot) ([]byte, error) {
	out := api.Webhook{Type: d.Type, Timestamp: d.At}
	if d.Run == "" {
		out.Data = api.Ping{WebhookID: d.Hook}
		return json.Marshal(out)
	}
	task := api.TaskOf(said.Run, d.At)
	if said.Approval != nil {
		asked := api.ApprovalOf(*said.Approval)
		task.Approval = &asked
	}
	if said.Run.Output != nil {
		task.Output = api.OutputOf(*said.Run.Output, said.Run.ID, said.Artifacts)
	}
	out.Data = task
	return json.Marshal(out)
}

// beginning reads how an answer begins. What follows is not read, and what breaks off
// changes nothing: the status has been said.
func beginning(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, autonoma.MaxAnswer))
	return strings.ReplaceAll(strings.ToValidUTF8(string(text), "\uFFFD"), "\x00", "\uFFFD")
}

// problem says why an attempt does not count, to the owner of the hook, who is to know
// nothing of the network that this server is in.
func problem(status int, err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("it did not answer within %v", limit)
	case err != nil:
		return trouble(err)
	case status >= 300 && status < 400:
		return fmt.Sprintf("it answered %d; redirects are not followed", status)
	case status < 200 || status >= 300:
		return fmt.Sprintf("it answered %d", status)
	}
	return ""
}

// trouble says what came between, without the addresses that errors of networks hold.
func trouble(err error) string {
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		if lookup.IsNotFound {
			return "its host does not exist"
		}
		return "its host could not be looked up"
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			return dial.Op + ": " + errno.Error()
		}
		return dial.Op + " failed"
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // it names the URL, which the owner knows
	}
	return err.Error()
}
