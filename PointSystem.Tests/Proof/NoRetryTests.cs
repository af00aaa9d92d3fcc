using PointSystem.Tests.Deploy;

namespace PointSystem.Tests.Proof;

/// <summary>Nothing between us and Redis retries a SET NX: the retry would find its own key and be refused.</summary>
public sealed class NoRetryTests
{
    [Fact]
    public void Component_RedisClient_NeverRetries()
    {
        var metadata = Load("lockstore.yaml")["spec"]!["metadata"].Items();
        // 0 means the default of three.
        Assert.Equal("-1", metadata.Single(entry => entry.Text("name") == "redisMaxRetries").Text("value"));
    }

    [Fact]
    public void Resiliency_LockStore_HasNoRetryPolicy()
    {
        var policies = Load("resiliency.yaml")["spec"]!["targets"]!["components"]!["lockstore"]!["outbound"]!.AsObject();
        Assert.True(policies.ContainsKey("timeout"));
        Assert.False(policies.ContainsKey("retry"));
    }

    private static System.Text.Json.Nodes.JsonNode Load(string file) => Yaml.Load(Path.Combine(BuildOutputs.Repository, "components", file)).Single();
}
