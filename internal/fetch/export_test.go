package fetch

// SetOffsetCap makes lists of a few hundred rows long enough to be cut.
func (c *Client) SetOffsetCap(n int) { c.offsetCap = n }
