using System.Diagnostics;

namespace PointSystem.Tests.Deploy;

/// <summary>The alarms are valid, fire when they should and stay silent when they should: promtool judges, where it is installed.</summary>
public sealed class AlertRuleTests
{
    [Theory]
    [InlineData("check", "rules", "alerts.yml")]
    [InlineData("test", "rules", "alerts.test.yml")]
    public async Task Alarms_JudgedByPromtool_AreRight(params string[] arguments)
    {
        var promtool = Needs.Program("promtool");
        using var process = Process.Start(new ProcessStartInfo(promtool, arguments)
        {
            WorkingDirectory = Path.Combine(BuildOutputs.Repository, "deploy", "prometheus"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(process.ExitCode == 0, await output + await errors);
    }
}
