using System.Diagnostics;

namespace PointSystem.Tests.Deploy;

/// <summary>The alerts are valid, and fire when they should and only then. Checked by promtool, where it is installed.</summary>
public sealed class AlertRuleTests
{
    [Theory]
    [InlineData("check", "rules", "alerts.yml")]
    [InlineData("test", "rules", "alerts.test.yml")]
    public async Task Alerts_CheckedByPromtool_AreValid(params string[] arguments)
    {
        var promtool = Needs.Program("promtool");
        using var process = Process.Start(new ProcessStartInfo(promtool, arguments)
        {
            WorkingDirectory = Path.Combine(BuildOutputs.Repository, "deploy", "prometheus"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(Token);
        var errors = process.StandardError.ReadToEndAsync(Token);

        await process.WaitForExitAsync(Token);

        Assert.True(process.ExitCode == 0, await output + await errors);
    }
}
