using System.Globalization;
using System.Text;
using PointSystem.Local.Cluster;

namespace PointSystem.Local.Runner;

/// <summary>What a person needs once everything is up, in one block.</summary>
internal static class ReadyBlock
{
    public const string FirstWords = "PointSystem is ready";

    public static string Describe(LocalCluster cluster, TimeSpan took)
    {
        var gateway = cluster.GatewayUrl.ToString().TrimEnd('/');
        var text = new StringBuilder();
        text.AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"{FirstWords} after {took.TotalSeconds:0.0} s. Ctrl+C ends it.")
            .AppendLine()
            .AppendLine(CultureInfo.InvariantCulture, $"  gateway      {gateway}")
            .AppendLine(CultureInfo.InvariantCulture, $"  API page     {gateway}/scalar")
            .AppendLine(CultureInfo.InvariantCulture, $"  admin token  {cluster.AdminToken}");
        if (cluster.DashboardUrl is { } dashboard)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  dashboard    {dashboard.GetLeftPart(UriPartial.Authority)}");
        }
        text.AppendLine();
        foreach (var replica in cluster.Replicas)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"  {replica.Name,-11}  {replica.Url.GetLeftPart(UriPartial.Authority)}   sidecar http {replica.SidecarHttpPort}, gRPC {replica.SidecarGrpcPort}");
        }
        if (!OperatingSystem.IsWindows())
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  restart      kill -USR1 {Environment.ProcessId}   (the replicas, one after the other)");
        }
        text.AppendLine(CultureInfo.InvariantCulture, $"  redis        {cluster.RedisAddress}")
            .AppendLine(CultureInfo.InvariantCulture, $"  parts        {cluster.Description}")
            .AppendLine(CultureInfo.InvariantCulture, $"  data         {cluster.DataDirectory}")
            .AppendLine(CultureInfo.InvariantCulture, $"  logs         {cluster.LogDirectory}")
            .AppendLine(CultureInfo.InvariantCulture, $"  memory       {cluster.ReadMemory()}");
        return text.ToString();
    }
}
