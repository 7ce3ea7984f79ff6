package client

import (
	"context"
	"io"
	"net/http"

	"autonoma"
	"autonoma/api"
)

// Evidence returns the signed evidence of what a run delivers, a DSSE envelope. The
// caller closes it.
func (c *Client) Evidence(ctx context.Context, id autonoma.RunID) (io.ReadCloser, error) {
	return c.content(ctx, api.PathOf(id)+"/evidence")
}

// SigningKeys returns the keys that sign evidence, newest first, with those that did
// before.
func (c *Client) SigningKeys(ctx context.Context) (api.SigningKeys, error) {
	return do[api.SigningKeys](ctx, c, http.MethodGet, signingKeysPath, nil)
}

// RotateSigningKey makes a new key that signs evidence. The key that asks must be an
// admin's of the tenant that runs the installation.
func (c *Client) RotateSigningKey(ctx context.Context) (api.SigningKey, error) {
	return do[api.SigningKey](ctx, c, http.MethodPost, signingKeysPath+"/rotate", nil)
}

const signingKeysPath = "/v1/evidence/keys"
