package client

import (
	"context"
	"net/http"
	"net/url"

	"autonoma"
	"autonoma/api"
)

// Agents returns all agents that can be asked for.
func (c *Client) Agents(ctx context.Context) (api.Agents, error) {
	return do[api.Agents](ctx, c, http.MethodGet, "/v1/agents/list", nil)
}

// Agent returns an agent, by its id or another name it has, and what it has done.
func (c *Client) Agent(ctx context.Context, id autonoma.AgentID) (api.AgentStatus, error) {
	return do[api.AgentStatus](ctx, c, http.MethodGet, "/v1/agents/"+url.PathEscape(string(id))+"/status", nil)
}

// Coordination returns who works on what.
func (c *Client) Coordination(ctx context.Context) (api.Coordination, error) {
	return do[api.Coordination](ctx, c, http.MethodGet, "/v1/agents/orchestrator/coordination", nil)
}

// Invoke asks a single agent, by its id or another name it has. When it returns
// without an error the execution is on the server's disk. The key needs the scope
// admin, as it does for the other methods that are about RIGOR.
func (c *Client) Invoke(ctx context.Context, agent autonoma.AgentID, in api.Invoke) (api.Invoked, error) {
	return do[api.Invoked](ctx, c, http.MethodPost, "/v1/admin/rigor/invoke/"+url.PathEscape(string(agent)), in)
}

// Execution returns an execution of whatever kind of run. Its events, its diff and
// its artifacts are those of the run it names.
func (c *Client) Execution(ctx context.Context, id autonoma.ExecutionID) (api.Execution, error) {
	return do[api.Execution](ctx, c, http.MethodGet, "/v1/admin/rigor/status/"+url.PathEscape(string(id)), nil)
}

// RigorHealth returns whether executions can be carried out. That none can is no
// error.
func (c *Client) RigorHealth(ctx context.Context) (api.RigorHealth, error) {
	return health[api.RigorHealth](ctx, c, "/v1/admin/rigor/health")
}
