package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/forge"
	"autonoma/internal/gate"
	"autonoma/internal/httpapi"
	"autonoma/internal/model"
	"autonoma/internal/model/provider"
	"autonoma/internal/outbound"
	"autonoma/internal/queue"
	"autonoma/internal/remote"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/secret"
	"autonoma/internal/service"
	"autonoma/internal/setup"
	"autonoma/internal/store"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/webhook"
	"autonoma/internal/worker"
	"autonoma/internal/workspace"
	"autonoma/workflows"
)

// An app is the whole system in one process.
type app struct {
	cfg      *config
	log      *slog.Logger
	requests *slog.Logger // where requests are logged
	lock     *os.File
	db       *store.DB
	queue    *queue.Queue
	events   *event.Log
	keys     *service.Keys
	tenants  *service.Tenants
	receipts *service.Receipts
	limits   *service.Limits
	tasks    *service.Tasks
	agents   *service.Agents
	hooks    *service.Hooks
	known    *service.Knowledge
	sender   *webhook.Sender
	asks     *service.Approvals
	signers  *service.SigningKeys
	says     *service.Feedback
	flows    *service.Workflows
	worker   *worker.Worker
	mcp      *mcp.Servers
	forges   *forge.Forges
	remotes  *remote.Rules
	box      sandbox.Sandbox
	boxProof sandbox.Report // what trying the sandbox has shown
	boxError error          // why there is no sandbox
	tiers    provider.Tiers
	noModel  error // why there is no model
	working  bool  // whether executions are carried out here
	draining sync.Once
	drained  chan struct{}
}

// open puts the system together. Read it from top to bottom to see what there is
// and what knows of what. Roots are added to those of the configuration.
func (w world) open(ctx context.Context, cfg *config, log *slog.Logger) (_ *app, err error) {
	a := &app{cfg: cfg, log: log, requests: log, drained: make(chan struct{})}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.lock, err = lockData(cfg.Data); err != nil {
		return nil, err
	}
	if a.db, err = store.Open(ctx, filepath.Join(cfg.Data, "autonoma.db")); err != nil {
		return nil, err
	}
	a.db.Clean = cfg.Redact.JSON
	secrets, err := secret.Open(filepath.Join(cfg.Data, "secret.key"), a.db)
	if err != nil {
		return nil, err
	}
	if err := w.learnSecrets(ctx, cfg, secrets, log); err != nil {
		return nil, err
	}
	if _, err := secrets.Signer(ctx); err != nil { // the first start makes the key
		return nil, err
	}
	blobs, err := blob.Open(filepath.Join(cfg.Data, "blobs"))
	if err != nil {
		return nil, err
	}
	known, err := openCatalog(cfg)
	if err != nil {
		return nil, err
	}
	if a.mcp, err = w.openMCP(cfg, known, log); err != nil {
		return nil, err
	}
	if a.forges, err = forge.New(cfg.Forges, w.Getenv, nil); err != nil {
		return nil, err
	}
	if a.remotes, err = w.openRemotes(a.db, cfg, a.forges); err != nil {
		return nil, err
	}
	spaces, err := workspace.Open(filepath.Join(cfg.Data, "workspaces"), a.git(w.Getenv))
	if err != nil {
		return nil, err
	}
	policy, err := openPolicy(cfg)
	if err != nil {
		return nil, err
	}
	a.box, a.boxProof, a.boxError = sandbox.OpenAtLeast(ctx, cfg.Sandbox, cfg.MinLevel)
	a.tiers, a.noModel = provider.Resolve(ctx, cfg.Models, w.Getenv)
	if a.noModel != nil && !errors.Is(a.noModel, provider.ErrNone) {
		return nil, a.noModel
	}
	tools, env := sandbox.Toolchains(w.Getenv)
	installer := setup.New(filepath.Join(cfg.Data, "setup"), a.box, tools, env, w.Getenv)
	network, err := w.openNetwork(cfg, installer)
	if err != nil {
		return nil, err
	}

	a.events = event.NewLog(a.db, time.Second)
	host, _ := os.Hostname() // for people; where it has no name, there is none to show
	rules := service.Rules{Catalog: known, Resolve: service.ResolveWorkflow, StartMode: cfg.StartMode, AnswerIn: cfg.ApprovalTime, Confines: a.confines}
	a.worker = worker.New(worker.Config{
		DB: a.db, Events: a.events, Blobs: blobs, Rules: rules, Workspaces: spaces, Forges: a.forges, Redact: cfg.Redact, Log: log, Host: host, Slots: cfg.Slots, Budgets: cfg.Budgets,
		Version: version(), Sign: secrets.Signer, Learns: cfg.Knowledge,
		Engine: &rigor.Engine{
			Policy: policy, Workspaces: spaces, Box: a.box, Proof: a.boxProof, Installer: installer, Roots: cfg.SourceRoots, Model: a.model, MCP: a.mcp, Network: network,
		},
	})
	if err := a.worker.Sweep(ctx); err != nil {
		return nil, err
	}
	if a.queue, err = queue.Open(ctx, a.db, cfg.Slots, a.worker.Do, log); err != nil {
		return nil, err
	}
	a.worker.Queue = a.queue
	a.keys, a.tenants, a.known = service.NewKeys(a.db), service.NewTenants(a.db, levels()), service.NewKnowledge(a.db)
	a.keys.Learn = learner(cfg, log)
	a.receipts = service.NewReceipts(a.db, secrets, time.Now)
	a.limits = service.NewLimits(a.db, cfg.Plans, time.Now)
	guard := &outbound.Guard{Allow: cfg.CallbackAllow}
	needs := service.Config{
		DB: a.db, Queue: a.queue, Log: a.events, Blobs: blobs, Rules: rules, Ready: a.ready, Source: a.checkSource, Target: guard.Check,
		Learns: cfg.Knowledge, Month: cfg.Budgets.Month, Candidates: policy.Candidates,
		BranchAt: func(source, branch string) string { return workspace.BranchAt(source, cfg.SourceRoots, branch) },
	}
	a.signers, a.says = service.NewSigningKeys(a.db, secrets), service.NewFeedback(needs)
	a.tasks, a.agents, a.asks = service.NewTasks(needs), service.NewAgents(needs), service.NewApprovals(needs)
	if a.flows, err = service.NewWorkflows(a.tasks, workflows.Files); err != nil {
		return nil, err
	}
	a.openHooks(guard, secrets)
	return a, nil
}

// openHooks puts together what tells hooks of what happens.
func (a *app) openHooks(guard *outbound.Guard, secrets *secret.Secrets) {
	a.hooks = service.NewHooks(a.db, a.events, secrets, guard.Check)
	a.sender = webhook.New(webhook.Config{
		DB: a.db, Client: guard.Client(), Log: a.log, Woken: a.events.Woken,
		Secrets: func(ctx context.Context, owner string) ([]autonoma.HookSecret, error) {
			live, err := secrets.Of(ctx, owner)
			return live.All(), err
		},
	})
}

// openCatalog reads the built-in agents and flows, and those of the operator.
func openCatalog(cfg *config) (*catalog.Catalog, error) {
	a, f := []fs.FS{agents.Files}, []fs.FS{flows.Files}
	if cfg.Agents != "" {
		a = append(a, os.DirFS(cfg.Agents))
	}
	if cfg.Flows != "" {
		f = append(f, os.DirFS(cfg.Flows))
	}
	known, err := catalog.Open(a, f)
	if err != nil {
		return nil, fmt.Errorf("agents and flows: %w", err)
	}
	return known, nil
}

// openPolicy returns how thorough executions are, with the gates and limits of the
// operator.
func openPolicy(cfg *config) (rigor.Policy, error) {
	policy, err := rigor.DefaultPolicy()
	if err == nil && cfg.Gates != "" {
		policy.Gates, err = gate.Open(cfg.Gates)
	}
	if err != nil {
		return policy, fmt.Errorf("gates: %w", err)
	}
	policy.Limits, err = cfg.limits(policy.Limits)
	return policy, err
}

// model returns the model of a tier, with patience for its provider.
func (a *app) model(tier autonoma.Intelligence) (model.Model, error) {
	if a.noModel != nil {
		return nil, &autonoma.Failure{Code: autonoma.FailModel, Message: a.noModel.Error(), Retryable: true}
	}
	m, err := a.tiers.Model(string(tier), provider.Options{})
	if err != nil {
		return nil, err
	}
	return model.Clean(m, a.cfg.Redact), nil
}

// ready says why a task cannot be carried out here, if so.
func (a *app) ready(autonoma.Request) error {
	if a.noModel != nil {
		return fmt.Errorf("%w: %w", a.noModel, autonoma.ErrUnavailable)
	}
	return a.confines("")
}

// checkSource refuses a request whose source cannot be worked on.
func (a *app) checkSource(ctx context.Context, req autonoma.Request) error {
	src, err := workspace.Resolve(ctx, req.Source, a.cfg.SourceRoots)
	if err == nil && req.Delivery == autonoma.DeliverPullRequest {
		err = a.checkForge(src)
	}
	if err == nil && src.Kind == workspace.SourceURL {
		err = a.remotes.Check(ctx, src.Location)
	}
	if wrong, ok := errors.AsType[*workspace.SourceError](err); ok {
		return autonoma.FieldErrors{{Field: "source", Reason: strings.TrimSuffix(wrong.Detail+"; "+wrong.Hint, "; ")}}
	}
	return err
}

// serve answers requests and carries out tasks until ctx is done; then it drains.
// Once it listens it calls ready.
func (a *app) serve(ctx context.Context, ln net.Listener, ready func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	web := httpapi.NewServer(httpapi.Config{
		Tasks: a.tasks, Hooks: a.hooks, Knowledge: a.known, Agents: a.agents, Approvals: a.asks, Feedback: a.says, Workflows: a.flows, Tenants: a.tenants, Keys: a.keys, Receipts: a.receipts,
		SigningKeys: a.signers, Who: a.keys.Who, Admit: a.limits.Admit, Health: a.health, Rigor: a.rigor, Ready: a.up, Version: version(), Log: a.requests,
	})
	// Without a model or a sandbox, what was accepted before waits for them.
	if a.ready(autonoma.Request{}) == nil {
		if err := errors.Join(a.worker.Announce(ctx), a.queue.Start(ctx)); err != nil {
			return errors.Join(err, ln.Close())
		}
		a.working = true
	}
	// Who waits for executions to end must also hear which are cancelled.
	watching, rest := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	parts.Go(func() { a.worker.Watch(watching) })
	if a.working {
		parts.Go(func() { a.worker.Beat(watching) })
	}
	parts.Go(func() { a.sender.Run(watching) })
	parts.Go(func() { a.asks.Watch(watching, a.log) })
	parts.Go(func() {
		<-ctx.Done()
		a.drain()
		rest()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if web.Shutdown(grace) != nil {
			web.Close()
		}
	})
	ready()
	err := web.Serve(ln)
	stop() // if one part ends, all do
	parts.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, a.limits.Close(context.WithoutCancel(ctx)))
}

// grace is how long executions have to come to their next event when the process
// shuts down.
const grace = 20 * time.Second

// drain has executions stop at their next event, and waits for that.
func (a *app) drain() {
	a.draining.Do(func() {
		close(a.drained)
		a.worker.Cut()
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if n := a.worker.Active(); n > 0 {
			a.log.Info("draining", "executions", n)
		}
		if !a.working {
			return
		}
		if err := a.queue.Stop(ctx); err != nil {
			a.log.Warn("stop queue", "err", err)
		}
	})
}

// up reports whether the server takes requests.
func (a *app) up(ctx context.Context) error {
	select {
	case <-a.drained:
		return errors.New("shutting down")
	default:
		return a.db.Ping(ctx)
	}
}

func (a *app) close() {
	a.mcp.Close()
	if a.db != nil {
		_ = a.db.Close()
	}
	if a.lock != nil {
		_ = a.lock.Close()
	}
}
